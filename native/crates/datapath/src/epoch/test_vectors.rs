//! First secrets of the captured session of known answer 6. [wire 19]

use crate::epoch::secret::EpochSecret;

pub const C2S: &str = "fcd58a79cb8f5d33c857496fea4e6d785ac2605813bbc106db40d7eb56a54737";
pub const S2C: &str = "601146a0dd2cd8744cabd1d5a9e69c8757f4410b4f7f1e39240e5bfb2417ada1";

pub fn secret(text: &str) -> EpochSecret {
    EpochSecret::new(hex(text).try_into().expect("32 bytes"))
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16);
    digits
        .chunks(2)
        .map(|pair| byte(pair).expect("two digits"))
        .collect()
}
