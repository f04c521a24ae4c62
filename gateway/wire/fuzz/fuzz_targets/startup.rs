//! What is read of a message without a tag is written back as the same bytes.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::startup::{self, MAX_BYTES};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // With the length that fits, so that few inputs end there.
    let length = (bytes.len() as u32 + 4).to_be_bytes();
    check(&[&length, bytes].concat());
});

fn check(bytes: &[u8]) {
    let Ok(Some((initial, len))) = startup::parse(bytes) else {
        return;
    };
    assert!(len <= bytes.len() && len <= MAX_BYTES + 4);
    let mut out = BytesMut::new();
    initial
        .write(&mut out)
        .expect("what was read can be written");
    assert_eq!(out, bytes[..len]);
}
