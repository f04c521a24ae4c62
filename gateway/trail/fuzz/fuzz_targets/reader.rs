//! Any file reads as a trail or as an error, and what is read can be shown and exported.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use trail::event::Event;
use trail::reader::Reader;

const NONCE: u32 = 7;

fuzz_target!(|input: (u8, Vec<(u8, &[u8])>, &[u8])| {
    let (choice, records, rest) = input;
    let mut segment = match choice % 4 {
        0 => Vec::new(),
        1 => header(),
        _ => begun(),
    };
    for (kind, payload) in records {
        segment.extend(record(kind, payload));
    }
    segment.extend_from_slice(rest);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("0000000000000001-1-000-00000000.seg");
    std::fs::write(&file, &segment).expect("room for a small file");
    read(folder.path());
});

/// A segment that has what requests refer to, each at an offset of one byte: policies at 64, a text at 96, a session at
/// 120.
fn begun() -> Vec<u8> {
    let session =
        br#"{"session":"00000000000000000000000005","time":1000000,"subject":"u-1","issuer":"i",
        "email":"a@b","groups":["g"],"actors":["agent"],"database":"shop","role":"app","client":"c",
        "application":"psql","protocol":"3.0","tls":null,"gateway":null}"#;
    let parts = [
        header(),
        record(3, br#"[3,[["mask","sha"]]]"#),
        record(4, b"SELECT 1"),
        record(1, session),
    ];
    parts.concat()
}

fn header() -> Vec<u8> {
    let mut header = b"SLUICETR\x01\0\0\0".to_vec();
    header.extend(NONCE.to_le_bytes());
    header.resize(64, 0);
    header
}

/// A record whose checksum is right.
fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let body = [&[kind, 1], payload].concat();
    let length = u32::try_from(body.len()).expect("inputs are short");
    let mut hasher = crc32fast::Hasher::new_with_initial(NONCE ^ length);
    hasher.update(&body);
    let mut record = [length.to_le_bytes(), hasher.finalize().to_le_bytes()].concat();
    record.extend(body);
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

fn read(folder: &Path) {
    let mut reader = Reader::open(folder).expect("the folder is there");
    let ended = reader.poll();
    let sessions = reader.sessions();
    for event in ended.iter().flatten().chain(&reader.unfinished()) {
        show(event);
        assert!(
            sessions
                .iter()
                .any(|summary| summary.opening == event.session),
            "an event of no session"
        );
    }
    if let Ok(ended) = ended {
        let counted: u64 = sessions.iter().map(|summary| summary.requests).sum();
        assert_eq!(counted, ended.len() as u64);
        let more = reader.poll().expect("nothing changed");
        assert!(more.is_empty(), "an event came twice");
    }
}

/// What people and log shippers see of it.
fn show(event: &Event) {
    for shown in [event.json(), trail::export::ocsf(event)] {
        assert!(shown.is_object());
        assert!(!shown.to_string().contains('\n'));
    }
    assert!(event.id().contains('/'));
}
