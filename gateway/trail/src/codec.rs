//! Numbers and bytes, as records hold them: LEB128 numbers, bytes after their length.

/// Where a record is written.
pub(crate) trait Put {
    /// Appends a byte.
    fn byte(&mut self, byte: u8);

    /// Appends bytes as they are.
    fn raw(&mut self, bytes: &[u8]);

    /// Appends a number, seven bits a byte, lowest first.
    #[inline]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    /// Appends bytes after their length.
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }
}

impl Put for Vec<u8> {
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.push(byte);
    }

    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Room in a segment, written from the front. The writer has asked for enough of it.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    bytes: &'a mut [u8],
    written: usize,
}

impl<'a> Room<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, written: 0 }
    }

    pub(crate) fn written(&self) -> usize {
        self.written
    }
}

impl Put for Room<'_> {
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.bytes[self.written] = byte;
        self.written += 1;
    }

    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        let end = self.written + bytes.len();
        self.bytes[self.written..end].copy_from_slice(bytes);
        self.written = end;
    }
}

/// A cursor over a record. What is missing or nonsense is `None`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take<'a>(pub(crate) &'a [u8]);

impl<'a> Take<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|n| n >> shift == bits)?;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}
