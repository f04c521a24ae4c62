//! Keys and tokens: by the shapes of known services, and by how random they look.

use std::ops::Range;

use sluice_sdk::last_position;

use super::{PLAIN, TOKEN, is_of};
use crate::kind::{Confidence, Kind};

/// No key or token is shorter.
pub(super) const SHORTEST: usize = 20;
/// What is longer is a document, not a key.
const LONGEST: usize = 512;

/// What keys and tokens of a service look like.
struct Shape {
    prefix: &'static [u8],
    /// How many characters follow.
    least: usize,
    most: usize,
    follows: fn(u8) -> bool,
}

const fn shape(prefix: &'static [u8], least: usize, most: usize, follows: fn(u8) -> bool) -> Shape {
    Shape {
        prefix,
        least,
        most,
        follows,
    }
}

const SHAPES: &[Shape] = &[
    shape(b"AKIA", 16, 16, is_upper),
    shape(b"ASIA", 16, 16, is_upper),
    shape(b"ghp_", 36, 255, is_plain),
    shape(b"gho_", 36, 255, is_plain),
    shape(b"ghu_", 36, 255, is_plain),
    shape(b"ghs_", 36, 255, is_plain),
    shape(b"ghr_", 36, 255, is_plain),
    shape(b"github_pat_", 22, 255, is_under),
    shape(b"glpat-", 20, 64, is_url),
    shape(b"sk_live_", 16, 255, is_plain),
    shape(b"sk_test_", 16, 255, is_plain),
    shape(b"rk_live_", 16, 255, is_plain),
    shape(b"rk_test_", 16, 255, is_plain),
    shape(b"whsec_", 24, 255, is_base64),
    shape(b"xoxb-", 20, 255, is_url),
    shape(b"xoxp-", 20, 255, is_url),
    shape(b"xoxa-", 20, 255, is_url),
    shape(b"xoxs-", 20, 255, is_url),
    shape(b"xapp-", 20, 255, is_url),
    shape(b"AIza", 35, 35, is_url),
    shape(b"npm_", 36, 36, is_plain),
    shape(b"pypi-", 50, 512, is_url),
    shape(b"SG.", 60, 80, is_dotted),
    shape(b"hf_", 34, 40, is_plain),
    shape(b"dop_v1_", 64, 64, is_plain),
    shape(b"sk-", 32, 255, is_url),
];

/// The first bytes of the shapes.
const FIRST: &[u8] = b"ASghswrxnpd";

fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_plain(byte: u8) -> bool {
    is_of(PLAIN, byte)
}

fn is_under(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_dotted(byte: u8) -> bool {
    is_url(byte) || byte == b'.'
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Finds keys and tokens in each run of bytes that they are made of.
pub(super) fn find(value: &[u8], mut keep: impl FnMut(Kind, Range<usize>, Confidence)) {
    let is_token = |byte: &u8| is_of(TOKEN, *byte);
    let mut start = 0;
    while let Some(least) = value.get(start..start + SHORTEST) {
        // From behind: where a byte is none of a token, no run from before it is long enough.
        if let Some(gap) = last_position(least, |byte| !is_token(&byte)) {
            start += gap + 1;
            continue;
        }
        let more = value[start + SHORTEST..].iter();
        let end = start + SHORTEST + more.take_while(|byte| is_token(byte)).count();
        in_run(value, start..end, &mut keep);
        start = end + 1;
    }
}

fn in_run(value: &[u8], run: Range<usize>, keep: &mut impl FnMut(Kind, Range<usize>, Confidence)) {
    let mut at = run.start;
    while at + SHORTEST <= run.end {
        // Within a word nothing begins.
        if at > run.start && is_plain(value[at - 1]) {
            at += 1;
            continue;
        }
        match known(&value[at..run.end]) {
            Some(length) => {
                keep(Kind::Token, at..at + length, Confidence::High);
                at += length;
            }
            None => at += 1,
        }
    }
    random(value, run, keep);
}

/// The length of a key or token of a known shape at the front.
fn known(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"eyJ") {
        return web_token(text);
    }
    // Most words begin with none of their letters, and none needs to be compared.
    if !text.first().is_some_and(|first| FIRST.contains(first)) {
        return None;
    }
    let shape = SHAPES.iter().find(|shape| text.starts_with(shape.prefix))?;
    let rest = &text[shape.prefix.len()..];
    let count = rest
        .iter()
        .take_while(|byte| (shape.follows)(**byte))
        .count();
    (shape.least..=shape.most)
        .contains(&count)
        .then_some(shape.prefix.len() + count)
}

/// A JSON web token: header, claims and signature, the first two JSON objects in base64.
fn web_token(text: &[u8]) -> Option<usize> {
    let part = |from: usize| {
        text[from..]
            .iter()
            .take_while(|byte| is_url(**byte))
            .count()
    };
    let header = part(0);
    // The header alone is no token, and is not followed any further.
    if header < 12 || !text[header..].starts_with(b".eyJ") {
        return None;
    }
    let claims = header + 1 + part(header + 1);
    let signed = text.get(claims) == Some(&b'.');
    Some(if signed {
        claims + 1 + part(claims + 1)
    } else {
        claims
    })
}

/// Parts of the run that look random.
fn random(value: &[u8], run: Range<usize>, keep: &mut impl FnMut(Kind, Range<usize>, Confidence)) {
    let mut start = run.start;
    for at in run.start..=run.end {
        let ends = at == run.end || matches!(value[at], b'.' | b'=');
        if !ends {
            continue;
        }
        let part = &value[start..at];
        if (SHORTEST..=LONGEST).contains(&part.len())
            && let Some(sure) = randomness(part)
        {
            keep(Kind::Secret, start..at, sure);
        }
        start = at + 1;
    }
}

/// How surely the text is random; none where it is not.
fn randomness(text: &[u8]) -> Option<Confidence> {
    let mut counts = [0_u16; 256];
    let mut classes = [0_usize; 4];
    let (mut numbers, mut cases) = (0, 0);
    let mut last = None;
    for byte in text {
        counts[*byte as usize] += 1;
        let class = match byte {
            b'0'..=b'9' => 0,
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            _ => 3,
        };
        classes[class] += 1;
        match (last, class) {
            (Some(0), 1 | 2) | (Some(1 | 2), 0) => numbers += 1,
            (Some(1), 2) | (Some(2), 1) => cases += 1,
            _ => {}
        }
        last = Some(class);
    }
    let [digits, lower, upper, other] = classes;
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit();
    if text.iter().all(is_hex) && matches!(text.len(), 32 | 40 | 48 | 64 | 96 | 128) {
        // Digests of no secret look the same.
        return (digits > 4 && lower + upper > 4).then_some(Confidence::Low);
    }
    let mixed = digits >= 2 && lower >= 3 && upper >= 3 && other * 8 <= text.len();
    // Names in camel case change between small and capital letters as often as what is random, but
    // not between letters and digits.
    let restless = numbers * 8 >= text.len() && cases * 8 >= text.len();
    (mixed && restless && entropy(&counts, text.len()) >= 3.7).then_some(Confidence::Medium)
}

/// Bits a character.
fn entropy(counts: &[u16; 256], length: usize) -> f64 {
    let length = length as f64;
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::{FIRST, SHAPES};

    #[test]
    fn every_shape_begins_with_one_of_the_first_bytes() {
        let known = |byte: &u8| FIRST.contains(byte);
        assert!(
            SHAPES
                .iter()
                .all(|shape| shape.prefix.first().is_some_and(known))
        );
    }
}
