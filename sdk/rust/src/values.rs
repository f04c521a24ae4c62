//! The values of one column of some rows.

use crate::Chunk;

/// The values of one column of some rows: one run of bytes and where each value begins.
///
/// Replace them all at once: a value costs a few nanoseconds, a `String` each would cost a hundred.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Checked: offsets begin at 0, never fall and end at the length of the data.
    chunk: Chunk,
}

const STARS: [u8; 8] = [b'*'; 8];

impl Values {
    /// Checks a chunk as it came.
    ///
    /// # Errors
    /// Where its offsets or its bitmap do not fit.
    pub fn new(chunk: Chunk) -> Result<Self, String> {
        let ends_right = chunk.offsets.first() == Some(&0)
            && chunk.offsets.last().map(|&end| end as usize) == Some(chunk.data.len());
        let rows = chunk.offsets.len().saturating_sub(1);
        let nulls_fit = chunk.nulls.is_empty() || chunk.nulls.len() >= rows.div_ceil(8);
        if !ends_right || !nulls_fit || !chunk.offsets.is_sorted() {
            return Err("a chunk whose offsets or nulls do not fit".to_owned());
        }
        Ok(Values { chunk })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunk.offsets.len() - 1
    }

    /// True where there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row; `None` is NULL.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        let (start, end) = (self.chunk.offsets[row], self.chunk.offsets[row + 1]);
        if is_null(&self.chunk.nulls, row) {
            return None;
        }
        Some(&self.chunk.data[start as usize..end as usize])
    }

    /// The values in order; `None` is NULL.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        let Chunk {
            offsets,
            nulls,
            data,
        } = &self.chunk;
        let limits = offsets.array_windows().enumerate();
        limits.map(|(row, &[start, end])| {
            (!is_null(nulls, row)).then(|| &data[start as usize..end as usize])
        })
    }

    /// Replaces each value by what `replace` appends for it. NULL stays NULL.
    #[must_use]
    pub fn map(self, mut replace: impl FnMut(&[u8], &mut Vec<u8>)) -> Self {
        let Chunk {
            mut offsets,
            nulls,
            data,
        } = self.chunk;
        let mut replaced = Vec::with_capacity(data.len() + data.len() / 4);
        let mut start = 0;
        for (row, offset) in offsets.iter_mut().skip(1).enumerate() {
            let end = *offset as usize;
            if nulls.is_empty() || !is_null(&nulls, row) {
                replace(&data[start..end], &mut replaced);
            }
            *offset = offset_of(&replaced);
            start = end;
        }
        let chunk = Chunk {
            offsets,
            nulls,
            data: replaced,
        };
        Values { chunk }
    }

    /// Replaces bytes of each value in place, which is the fastest where lengths stay.
    #[must_use]
    pub fn map_in_place(mut self, mut replace: impl FnMut(&mut [u8])) -> Self {
        let mut start = 0;
        for &offset in &self.chunk.offsets[1..] {
            let end = offset as usize;
            replace(&mut self.chunk.data[start..end]);
            start = end;
        }
        self
    }

    /// Every value's bytes in one run, to change in place where the limits of values do not matter.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.chunk.data
    }

    /// True where no value holds anything but ASCII, so that bytes are characters.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.chunk.data.is_ascii()
    }

    /// Keeps the last `n` characters of each value, stars for the rest; a value that has no more
    /// than `n` is all stars.
    #[must_use]
    pub fn keep_last(self, n: usize) -> Self {
        if self.is_ascii() {
            return self.map_in_place(|value| {
                let stars = if value.len() > n {
                    value.len() - n
                } else {
                    value.len()
                };
                fill_with_stars(&mut value[..stars]);
            });
        }
        self.map(|value, replaced| {
            let count = characters(value);
            let stars = if count > n { count - n } else { count };
            append_stars(replaced, stars);
            append(replaced, &value[start_of_character(value, stars)..]);
        })
    }

    /// Keeps the first `n` characters of each value, stars for the rest; a value that has no more
    /// than `n` is all stars.
    #[must_use]
    pub fn keep_first(self, n: usize) -> Self {
        if self.is_ascii() {
            return self.map_in_place(|value| {
                let kept = if value.len() > n { n } else { 0 };
                fill_with_stars(&mut value[kept..]);
            });
        }
        self.map(|value, replaced| {
            let count = characters(value);
            let kept = if count > n { n } else { 0 };
            append(replaced, &value[..start_of_character(value, kept)]);
            append_stars(replaced, count - kept);
        })
    }

    /// This text for each value. NULL stays NULL.
    #[must_use]
    pub fn fixed(self, text: &str) -> Self {
        self.map(|_, replaced| append(replaced, text.as_bytes()))
    }

    /// NULL for each value.
    #[must_use]
    pub fn null(self) -> Self {
        let rows = self.len();
        let chunk = Chunk {
            offsets: vec![0; rows + 1],
            nulls: vec![0xff; rows.div_ceil(8)],
            data: Vec::new(),
        };
        Values { chunk }
    }

    /// The chunk to hand back.
    #[must_use]
    pub fn into_chunk(self) -> Chunk {
        self.chunk
    }
}

impl<'a> FromIterator<Option<&'a str>> for Values {
    fn from_iter<I: IntoIterator<Item = Option<&'a str>>>(values: I) -> Self {
        let mut chunk = Chunk {
            offsets: vec![0],
            nulls: Vec::new(),
            data: Vec::new(),
        };
        for (row, value) in values.into_iter().enumerate() {
            match value {
                Some(text) => chunk.data.extend_from_slice(text.as_bytes()),
                None => {
                    chunk.nulls.resize(row / 8 + 1, 0);
                    chunk.nulls[row / 8] |= 1 << (row % 8);
                }
            }
            chunk.offsets.push(offset_of(&chunk.data));
        }
        if !chunk.nulls.is_empty() {
            chunk.nulls.resize((chunk.offsets.len() - 1).div_ceil(8), 0);
        }
        Values { chunk }
    }
}

/// Appends a short value by stores of eight bytes: what `extend_from_slice` calls is dear in a
/// component, but for long values, and so is a call of this.
#[inline(always)]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    let end = out.len() + bytes.len();
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) if bytes.len() <= 16 => {
            let behind = 8 * (16 - bytes.len() as u32);
            let rest = u64::from_le_bytes(*last).checked_shr(behind);
            let both = [*first, rest.unwrap_or(0).to_le_bytes()];
            out.extend_from_slice(both.as_flattened());
            out.truncate(end);
        }
        (Some(_), _) => append_long(out, bytes),
        (None, _) => {
            out.extend_from_slice(&word(bytes).to_le_bytes());
            out.truncate(end);
        }
    }
}

/// Appends that many stars.
#[inline]
pub fn append_stars(out: &mut Vec<u8>, count: usize) {
    let end = out.len() + count;
    if count > 16 {
        return out.resize(end, b'*');
    }
    out.extend_from_slice(&[b'*'; 16]);
    out.truncate(end);
}

/// How many bytes begin a character of UTF-8: all but those that are `10xxxxxx`.
#[must_use]
pub fn characters(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let within = |eight: &[u8]| {
        let word = word(eight);
        (word >> 7 & !word >> 6 & EACH).count_ones() as usize
    };
    let (eights, rest) = bytes.as_chunks::<8>();
    let others: usize = eights.iter().map(|eight| within(eight)).sum();
    bytes.len() - others - within(rest)
}

/// What `Iterator::rposition` finds, eight bytes a round.
#[inline]
pub fn last_position(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> Option<usize> {
    let (rest, eights) = bytes.as_rchunks::<8>();
    for (k, eight) in eights.iter().enumerate().rev() {
        if let Some(place) = eight.iter().rposition(|byte| is_it(*byte)) {
            return Some(rest.len() + 8 * k + place);
        }
    }
    rest.iter().rposition(|byte| is_it(*byte))
}

/// What `Iterator::position` finds, eight bytes a round.
#[inline]
pub fn first_position(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> Option<usize> {
    let (eights, rest) = bytes.as_chunks::<8>();
    for (k, eight) in eights.iter().enumerate() {
        if let Some(place) = eight.iter().position(|byte| is_it(*byte)) {
            return Some(8 * k + place);
        }
    }
    let place = rest.iter().position(|byte| is_it(*byte))?;
    Some(bytes.len() - rest.len() + place)
}

#[inline(never)]
fn append_long(out: &mut Vec<u8>, bytes: &[u8]) {
    const SHORT: usize = 64;
    if bytes.len() > SHORT {
        out.extend_from_slice(bytes);
        return;
    }
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        out.extend_from_slice(eight);
    }
    append(out, rest);
}

/// Up to eight bytes as a number, the first one lowest, and zeros.
#[inline]
#[must_use]
pub fn word(bytes: &[u8]) -> u64 {
    let place = |byte: u8, at: usize| u64::from(byte) << (8 * at);
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let behind = 8 * (bytes.len() - 4);
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << behind
        }
        _ => match bytes {
            [first, .., last] => {
                let middle = bytes.len() / 2;
                place(*first, 0) | place(bytes[middle], middle) | place(*last, bytes.len() - 1)
            }
            [only] => u64::from(*only),
            [] => 0,
        },
    }
}

fn is_null(nulls: &[u8], row: usize) -> bool {
    nulls
        .get(row / 8)
        .is_some_and(|bits| bits >> (row % 8) & 1 == 1)
}

fn offset_of(data: &[u8]) -> u32 {
    u32::try_from(data.len()).expect("a component's memory is below 4 GiB")
}

/// Stars by 8-byte stores that may overlap: `fill` is a call of the runtime, dear for short values.
#[inline]
pub fn fill_with_stars(bytes: &mut [u8]) {
    let length = bytes.len();
    match length {
        0 => {}
        1..=3 => {
            bytes[0] = b'*';
            bytes[length / 2] = b'*';
            bytes[length - 1] = b'*';
        }
        4..=7 => {
            bytes[..4].copy_from_slice(&STARS[..4]);
            bytes[length - 4..].copy_from_slice(&STARS[..4]);
        }
        8..=16 => {
            bytes[..8].copy_from_slice(&STARS);
            bytes[length - 8..].copy_from_slice(&STARS);
        }
        17..=32 => {
            bytes[..8].copy_from_slice(&STARS);
            bytes[8..16].copy_from_slice(&STARS);
            bytes[length - 16..length - 8].copy_from_slice(&STARS);
            bytes[length - 8..].copy_from_slice(&STARS);
        }
        _ => bytes.fill(b'*'),
    }
}

/// Where the character of this number begins; the end where there is none.
fn start_of_character(value: &[u8], number: usize) -> usize {
    let mut starts = value
        .iter()
        .enumerate()
        .filter(|(_, byte)| begins_character(**byte));
    starts.nth(number).map_or(value.len(), |(start, _)| start)
}

fn begins_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

#[cfg(test)]
mod tests;
