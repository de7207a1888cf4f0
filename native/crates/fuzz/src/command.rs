use shard::address_record::{decode_address, encode_address};
use shard::control_ring::decode_command;

use crate::bytes::Bytes;

/// Records of the control ring, and addresses in them.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let kind = u32::from(bytes.u8());
    let payload = bytes.rest();
    decode_command(kind, payload);
    if let Some(address) = payload.first_chunk()
        && let Some(path) = decode_address(address)
    {
        assert_eq!(decode_address(&encode_address(&path)), Some(path));
    }
}
