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
