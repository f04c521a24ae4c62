//! Private keys in PEM.

use std::ops::Range;

use memchr::memmem;

pub(super) const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const LINE: &[u8] = b"-----";
const NAME: &[u8] = b"PRIVATE KEY";

/// Finds each private key, to the end of its last line or, where that is cut off, of the value.
pub(super) fn find(value: &[u8], mut keep: impl FnMut(Range<usize>)) {
    let mut from = 0;
    while let Some(start) = place(value, from, BEGIN) {
        let named = start + BEGIN.len();
        let Some(body) = place(value, named, LINE) else {
            return;
        };
        let name = &value[named..body];
        if name.len() > 64 || memmem::find(name, NAME).is_none() {
            from = named;
            continue;
        }
        let body = body + LINE.len();
        let last = place(value, body, END).and_then(|end| place(value, end + END.len(), LINE));
        let end = last.map_or(value.len(), |last| last + LINE.len());
        keep(start..end);
        from = end;
    }
}

fn place(value: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    memmem::find(value.get(from..)?, what).map(|at| from + at)
}
