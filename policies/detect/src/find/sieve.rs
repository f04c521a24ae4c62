//! What a value could hold: seen in one pass over all of it, eight bytes at a time.

use sluice_sdk::word;

/// What the sieve saw of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sieved {
    /// It has an `@`.
    pub(super) at: bool,
    /// It has two dashes in one of its words of eight bytes, as it has wherever it has three in a
    /// row.
    pub(super) dashes: bool,
    /// How many digits it has.
    pub(super) digits: usize,
}

/// Sieves a value.
#[inline]
pub(super) fn sieve(value: &[u8]) -> Sieved {
    let mut sieved = Sieved::default();
    let (eights, rest) = value.as_chunks::<8>();
    for eight in eights {
        sieved.see(u64::from_le_bytes(*eight));
    }
    sieved.see(word(rest));
    sieved
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = EACH << 7;

impl Sieved {
    #[inline]
    fn see(&mut self, word: u64) {
        self.at |= equal(word, b'@') != 0;
        let dashes = equal(word, b'-');
        self.dashes |= dashes & dashes >> 8 != 0;
        self.digits += digits(word).count_ones() as usize;
    }
}

/// The high bit of each byte that is this one.
fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ (EACH * u64::from(byte));
    // Without the high bits no byte carries into the next.
    let low = (differs & !HIGH) + !HIGH;
    !(low | differs) & HIGH
}

/// The high bit of each byte that is a digit.
fn digits(word: u64) -> u64 {
    let low = word & !HIGH;
    let from = low + EACH * u64::from(0x80 - b'0');
    let beyond = low + EACH * u64::from(0x80 - b'9' - 1);
    from & !beyond & !word & HIGH
}
