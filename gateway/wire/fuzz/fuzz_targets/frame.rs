//! Cutting the bytes anywhere gives the same frames.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::frame::{self, Frame};

const MAX: usize = 1 << 16;

fuzz_target!(|input: (usize, &[u8])| {
    let (cut, bytes) = input;
    let cut = cut % (bytes.len() + 1);
    let whole = take(&[bytes]);
    assert_eq!(take(&[&bytes[..cut], &bytes[cut..]]), whole);
    let walked: Vec<_> = frame::frames(bytes, MAX)
        .map_while(Result::ok)
        .map(|(_, bytes)| bytes.to_vec())
        .collect();
    assert_eq!(walked, whole);
});

/// The frames until the bytes end or are wrong.
fn take(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let (mut buf, mut taken) = (BytesMut::new(), Vec::new());
    for part in parts {
        buf.extend_from_slice(part);
        while let Ok(Some(frame)) = Frame::take(&mut buf, MAX) {
            assert_eq!(Frame::new(frame.bytes().clone()).as_ref(), Ok(&frame));
            assert_eq!(
                frame.body().len() + frame::HEADER_BYTES,
                frame.bytes().len()
            );
            taken.push(frame.into_bytes().to_vec());
        }
    }
    taken
}
