//! E-mail addresses.

use std::ops::Range;

use crate::kind::Confidence;

/// Longest parts, by RFC 5321.
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 255;

/// Finds each address around an `@`.
pub(super) fn find(value: &[u8], mut keep: impl FnMut(Range<usize>, Confidence)) {
    let mut taken = 0;
    for at in memchr::memchr_iter(b'@', value) {
        let Some(range) = around(value, at) else {
            continue;
        };
        let Some(sure) = sureness(&value[at + 1..range.end]) else {
            continue;
        };
        // Of "a@b.example@c.example" the first address is one, and what is left none.
        if range.start >= taken {
            taken = range.end;
            keep(range, sure);
        }
    }
}

fn around(value: &[u8], at: usize) -> Option<Range<usize>> {
    let first = at.saturating_sub(LONGEST_LOCAL);
    let local = value[first..at]
        .iter()
        .rev()
        .take_while(|byte| is_local(**byte));
    let mut start = at - local.count();
    // A cut in the middle of a character, where the value is longer than an address may be.
    while start < at && (value[start] & 0xc0 == 0x80 || matches!(value[start], b'.' | b'\'')) {
        start += 1;
    }
    let rest = &value[at + 1..value.len().min(at + 1 + LONGEST_DOMAIN)];
    let mut end = at + 1 + rest.iter().take_while(|byte| is_domain(**byte)).count();
    while end > at + 1 && matches!(value[end - 1], b'.' | b'-') {
        end -= 1;
    }
    while value.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end += 1;
    }
    (start < at && end > at + 1).then_some(start..end)
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || !byte.is_ascii()
        || matches!(
            byte,
            b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&' | b'~' | b'#' | b'!' | b'$'
        )
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'.' | b'-')
}

/// How sure an address in this domain is; none where it is no domain.
fn sureness(domain: &[u8]) -> Option<Confidence> {
    let mut labels = domain.split(|byte| *byte == b'.');
    if labels
        .clone()
        .any(|label| label.is_empty() || label.len() > 63)
    {
        return None;
    }
    let top = labels.next_back()?;
    if labels.next_back().is_none() {
        return Some(Confidence::Low);
    }
    if !domain.is_ascii() {
        return Some(Confidence::Medium);
    }
    let named = top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
    match named || top.starts_with(b"xn--") {
        true => Some(Confidence::High),
        false => Some(Confidence::Low),
    }
}
