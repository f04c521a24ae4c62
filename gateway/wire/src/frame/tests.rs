use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::{Bytes, BytesMut, Error, Frame, Header, frames, header};

const MAX: usize = 1 << 20;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 4).to_be_bytes();
    [&[tag], length.as_slice(), body].concat()
}

#[test]
fn header_needs_five_bytes() {
    assert_eq!(header(b"", MAX), Ok(None));
    assert_eq!(header(b"Z\0\0\0", MAX), Ok(None));
    assert_eq!(
        header(b"Z\0\0\0\x05", MAX),
        Ok(Some(Header { tag: b'Z', len: 6 }))
    );
}

#[test]
fn length_counts_at_least_itself() {
    let error = Error::LengthTooSmall {
        message: "message",
        length: 3,
        least: 4,
    };
    assert_eq!(header(b"Z\0\0\0\x03", MAX), Err(error));
    let error = Error::LengthTooSmall {
        message: "message",
        length: -1,
        least: 4,
    };
    assert_eq!(header(b"Z\xff\xff\xff\xff", MAX), Err(error));
}

#[test]
fn limit_counts_the_whole_message() {
    assert_eq!(
        header(b"Z\0\0\0\x05", 6),
        Ok(Some(Header { tag: b'Z', len: 6 }))
    );
    let error = Error::TooLong {
        message: "message",
        length: 6,
        limit: 5,
    };
    assert_eq!(header(b"Z\0\0\0\x05", 5), Err(error));
}

#[test]
fn a_frame_is_found_where_it_lies() {
    let bytes = b"Z\0\0\0\x05IZ\0\0";
    let frame = Frame::at(bytes, MAX).unwrap().unwrap();
    assert_eq!(frame.into_bytes(), b"Z\0\0\0\x05I");
    assert_eq!(Frame::at(&bytes[..5], MAX), Ok(None));
    assert_eq!(Frame::at(&bytes[6..], MAX), Ok(None));
}

#[test]
fn frame_shows_tag_body_and_whole() {
    let frame = Frame::new(Bytes::from_static(b"Z\0\0\0\x05I")).unwrap();
    assert_eq!((frame.tag(), frame.body()), (b'Z', b"I".as_slice()));
    assert_eq!(format!("{frame:?}"), "Frame { tag: 'Z', len: 6, .. }");
    assert_eq!(frame.into_bytes(), b"Z\0\0\0\x05I".as_slice());
}

#[test]
fn frame_must_be_exactly_one_message() {
    let new = |bytes: &'static [u8]| Frame::new(Bytes::from_static(bytes)).unwrap_err();
    assert_eq!(
        new(b"Z\0\0\0\x05"),
        Error::Truncated {
            message: "message",
            field: "body"
        }
    );
    assert_eq!(
        new(b"Z"),
        Error::Truncated {
            message: "message",
            field: "header"
        }
    );
    assert_eq!(
        new(b"Z\0\0\0\x05Ix"),
        Error::Trailing {
            message: "message",
            bytes: 1
        }
    );
}

#[test]
fn walking_stops_at_a_bad_header() {
    let bytes = [
        message(b'1', b""),
        b"2\0\0\0\0".to_vec(),
        message(b'3', b""),
    ]
    .concat();
    let walked: Vec<_> = frames(&bytes, MAX).collect();
    assert_eq!(walked.len(), 2);
    assert!(walked[0].is_ok() && walked[1].is_err());
}

proptest! {
    #[test]
    fn splitting_at_every_byte_gives_the_same_frames(
        messages in vec((any::<u8>(), vec(any::<u8>(), 0..20)), 0..6),
    ) {
        let messages: Vec<_> = messages.iter().map(|(tag, body)| message(*tag, body)).collect();
        let bytes = messages.concat();
        for split in 0..=bytes.len() {
            let (mut buf, mut taken) = (BytesMut::new(), Vec::new());
            for part in [&bytes[..split], &bytes[split..]] {
                buf.extend_from_slice(part);
                while let Some(frame) = Frame::take(&mut buf, MAX).unwrap() {
                    taken.push(frame.into_bytes().to_vec());
                }
            }
            prop_assert_eq!(&taken, &messages);
            prop_assert!(buf.is_empty());

            let mut front = frames(&bytes[..split], MAX);
            let mut walked: Vec<_> = (&mut front).map(|frame| frame.unwrap().1).collect();
            let rest = [front.rest(), &bytes[split..]].concat();
            walked.extend(frames(&rest, MAX).map(|frame| frame.unwrap().1));
            prop_assert_eq!(walked, messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..64), max in 0usize..100) {
        let _ = header(&bytes, max);
        let _ = frames(&bytes, max).count();
        let _ = Frame::take(&mut BytesMut::from(bytes.as_slice()), max);
        let _ = Frame::new(bytes);
    }
}
