//! E-mail addresses.

use std::ops::Range;

use sluice_sdk::{first_position, last_position};

use super::{DOMAIN, LOCAL, is_of};
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
    let before = last_position(&value[first..at], |byte| !is_of(LOCAL, byte));
    let mut start = before.map_or(first, |before| first + before + 1);
    // A cut in the middle of a character, where the value is longer than an address may be.
    while start < at && (value[start] & 0xc0 == 0x80 || matches!(value[start], b'.' | b'\'')) {
        start += 1;
    }
    let rest = &value[at + 1..value.len().min(at + 1 + LONGEST_DOMAIN)];
    let behind = first_position(rest, |byte| !is_of(DOMAIN, byte));
    let mut end = at + 1 + behind.unwrap_or(rest.len());
    while end > at + 1 && matches!(value[end - 1], b'.' | b'-') {
        end -= 1;
    }
    while value.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end += 1;
    }
    (start < at && end > at + 1).then_some(start..end)
}

/// How sure an address in this domain is; none where it is no domain.
fn sureness(domain: &[u8]) -> Option<Confidence> {
    let mut labels = domain.split(|byte| *byte == b'.');
    if labels.any(|label| label.is_empty() || label.len() > 63) {
        return None;
    }
    let Some(dot) = domain.iter().rposition(|byte| *byte == b'.') else {
        return Some(Confidence::Low);
    };
    let top = &domain[dot + 1..];
    if !domain.is_ascii() {
        return Some(Confidence::Medium);
    }
    let named = top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
    match named || top.starts_with(b"xn--") {
        true => Some(Confidence::High),
        false => Some(Confidence::Low),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Label by label, as the rule says it.
    fn sureness_of_labels(domain: &[u8]) -> Option<Confidence> {
        let labels: Vec<&[u8]> = domain.split(|byte| *byte == b'.').collect();
        let top = *labels.last()?;
        let valid = labels.iter().all(|label| (1..=63).contains(&label.len()));
        let named = top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
        match labels.len() {
            _ if !valid => None,
            1 => Some(Confidence::Low),
            _ if !domain.is_ascii() => Some(Confidence::Medium),
            _ if named || top.starts_with(b"xn--") => Some(Confidence::High),
            _ => Some(Confidence::Low),
        }
    }

    proptest! {
        #[test]
        fn a_domain_is_as_sure_as_its_labels(
            labels in prop::collection::vec("[a-z]{0,3}|[a-z0-9ü-]{0,5}|x{62,64}|xn--", 0..5),
        ) {
            let domain = labels.join(".");
            let domain = domain.as_bytes();
            prop_assert_eq!(sureness(domain), sureness_of_labels(domain));
        }
    }
}
