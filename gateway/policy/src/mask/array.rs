//! Masks of arrays: each element is masked, and how many there are and which are NULL stays.
//!
//! Sources: "Array Input and Output Syntax" and `array_send` (`src/backend/utils/adt/arrayfuncs.c`).

use bytes::{BufMut as _, BytesMut};

use crate::mask::{CellMask, Masked};

/// The mask of an array's elements.
#[derive(Clone)]
pub(crate) struct ArrayMask {
    element: CellMask,
    binary: bool,
}

/// The most dimensions that an array has (`MAXDIM`).
const DIMENSIONS: usize = 6;

impl ArrayMask {
    pub(crate) fn new(element: CellMask, binary: bool) -> ArrayMask {
        ArrayMask { element, binary }
    }

    /// Appends the array with masked elements; NULL stands for what is no array.
    pub(crate) fn write(&self, value: &[u8], out: &mut BytesMut) -> Masked {
        let start = out.len();
        let written = match self.binary {
            true => self.write_binary(value, out),
            false => self.write_text(value, out),
        };
        match written {
            Some(()) => Masked::Value,
            None => {
                out.truncate(start);
                Masked::Null
            }
        }
    }

    fn write_binary(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        let (&[a, b, c, d, _, _, _, _, oid @ ..], rest) = value.split_first_chunk::<12>()?;
        let dimensions = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        if dimensions > DIMENSIONS {
            return None;
        }
        let (bounds, mut rest) = rest.split_at_checked(dimensions * 8)?;
        out.put_slice(&[a, b, c, d]);
        let has_nulls = out.len();
        out.put_u32(0);
        out.put_slice(&oid);
        out.put_slice(bounds);
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = i32::from_be_bytes(*length);
            let field = out.len();
            out.put_i32(-1);
            let masked = match usize::try_from(length) {
                Ok(length) => {
                    let (element, after) = after.split_at_checked(length)?;
                    rest = after;
                    self.element.write(element, out)
                }
                Err(_) => {
                    rest = after;
                    Masked::Null
                }
            };
            match masked {
                Masked::Null => {
                    out.truncate(field + 4);
                    out[has_nulls + 3] = 1;
                }
                Masked::Value => {
                    let length = i32::try_from(out.len() - field - 4).ok()?;
                    out[field..field + 4].copy_from_slice(&length.to_be_bytes());
                }
            }
        }
        rest.is_empty().then_some(())
    }

    fn write_text(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        let start = value.iter().position(|byte| *byte == b'{')?;
        let bounds = |byte: &u8| byte.is_ascii_digit() || b"[]:=+-".contains(byte);
        if !value[..start].iter().all(bounds) {
            return None;
        }
        out.put_slice(&value[..start]);
        let mut rest = &value[start..];
        let mut depth = 0;
        while let Some((&byte, after)) = rest.split_first() {
            match byte {
                b'{' => depth += 1,
                b'}' if depth > 0 => depth -= 1,
                b',' if depth > 0 => {}
                _ if depth > 0 => {
                    rest = self.write_element(rest, out)?;
                    continue;
                }
                _ => return None,
            }
            out.put_u8(byte);
            rest = after;
        }
        (depth == 0).then_some(())
    }

    /// Appends the masked element that stands in front, and gives what follows it.
    fn write_element<'a>(&self, text: &'a [u8], out: &mut BytesMut) -> Option<&'a [u8]> {
        let mut element = Vec::new();
        let mut rest = text;
        let quoted = text.first() == Some(&b'"');
        if quoted {
            rest = &rest[1..];
        }
        loop {
            let (&byte, after) = rest.split_first()?;
            match byte {
                b'"' if quoted => {
                    rest = after;
                    break;
                }
                b',' | b'}' if !quoted => break,
                b'\\' => {
                    let (&escaped, after) = after.split_first()?;
                    element.push(escaped);
                    rest = after;
                }
                _ => {
                    element.push(byte);
                    rest = after;
                }
            }
        }
        let mut masked = BytesMut::new();
        match !quoted && element.eq_ignore_ascii_case(b"null") {
            false if self.element.write(&element, &mut masked) == Masked::Value => {
                put_quoted(&masked, out);
            }
            _ => out.put_slice(b"NULL"),
        }
        Some(rest)
    }
}

/// Appends an element as `array_out` prints it.
pub(crate) fn put_quoted(element: &[u8], out: &mut BytesMut) {
    let special =
        |byte: &u8| b"{},\"\\".contains(byte) || byte.is_ascii_whitespace() || *byte == 0x0B;
    let plain = !element.is_empty()
        && !element.eq_ignore_ascii_case(b"null")
        && !element.iter().any(special);
    if plain {
        out.put_slice(element);
        return;
    }
    out.put_u8(b'"');
    for byte in element {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// An array of this one element, in text or binary format; without one, an empty array.
pub(crate) fn array_of(element: Option<&[u8]>, element_oid: u32, binary: bool) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    if binary {
        out.put_u32(u32::from(element.is_some()));
        out.put_u32(0);
        out.put_u32(element_oid);
        if let Some(element) = element {
            // One dimension: its length and its lower bound.
            out.put_u32(1);
            out.put_u32(1);
            out.put_i32(i32::try_from(element.len()).ok()?);
            out.put_slice(element);
        }
    } else {
        out.put_u8(b'{');
        if let Some(element) = element {
            put_quoted(element, &mut out);
        }
        out.put_u8(b'}');
    }
    Some(out.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(element: CellMask, value: &str) -> Option<String> {
        let mut out = BytesMut::new();
        match ArrayMask::new(element, false).write(value.as_bytes(), &mut out) {
            Masked::Null => {
                assert!(out.is_empty());
                None
            }
            Masked::Value => Some(String::from_utf8(out.to_vec()).unwrap()),
        }
    }

    #[test]
    fn each_element_is_masked_and_the_shape_stays() {
        let last = || CellMask::KeepLast(2);
        for (value, masked) in [
            ("{}", "{}"),
            ("{secret,NULL,\"null\"}", "{****et,NULL,**ll}"),
            (r#"{"a \"b\" c","d\\e,f",""}"#, r#"{"***** c","***,f",""}"#),
            ("{{abc,def},{ghi,jkl}}", "{{*bc,*ef},{*hi,*kl}}"),
            ("[0:1]={abc,def}", "[0:1]={*bc,*ef}"),
            ("{Zoë Ž}", "{\"*** Ž\"}"),
        ] {
            assert_eq!(text(last(), value).as_deref(), Some(masked), "{value}");
        }
    }

    #[test]
    fn what_is_no_array_is_null() {
        for value in [
            "",
            "secret",
            "{secret",
            "{\"secret}",
            "}",
            "secret{}",
            "{}secret",
            "{a}}",
        ] {
            assert_eq!(text(CellMask::KeepLast(2), value), None, "{value}");
        }
    }

    #[test]
    fn binary_elements_are_masked_and_damaged_ones_are_null() {
        let array = array_of(Some(b"secret"), 25, true).unwrap();
        let mask = ArrayMask::new(CellMask::KeepLast(2), true);
        let mut out = BytesMut::new();
        assert_eq!(mask.write(&array, &mut out), Masked::Value);
        assert_eq!(out, array_of(Some(b"****et"), 25, true).unwrap());
        for cut in 0..array.len() {
            if cut == 20 {
                continue; // A header alone is as good as an array whose elements are all there.
            }
            let mut out = BytesMut::new();
            assert_eq!(mask.write(&array[..cut], &mut out), Masked::Null, "{cut}");
            assert!(out.is_empty());
        }
        let mut out = BytesMut::new();
        let none = ArrayMask::new(CellMask::Null, true);
        assert_eq!(none.write(&array, &mut out), Masked::Value);
        assert_eq!(out[7], 1, "it says that there is a NULL");
    }
}
