use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;

#[napi(js_name = "aes256Ctr")]
pub fn aes256_ctr(key: &[u8], iv: &[u8], mut text: BufferSlice<'_>) -> bool {
    tls::aes256_ctr(key, iv, &mut text)
}

#[napi]
pub fn hmac(key: &[u8], text: &[u8], mut tag: BufferSlice<'_>) -> bool {
    tls::hmac(key, text, &mut tag)
}

#[napi]
pub fn tls_crypt_seal(key: &[u8], header: u32, mut packet: BufferSlice<'_>) -> bool {
    tls::tls_crypt_seal(key, header as usize, &mut packet)
}

/// Of the first `length` bytes of a buffer that may be longer.
#[napi]
pub fn tls_crypt_open(key: &[u8], header: u32, length: u32, mut buffer: BufferSlice<'_>) -> bool {
    buffer
        .get_mut(..length as usize)
        .is_some_and(|packet| tls::tls_crypt_open(key, header as usize, packet))
}
