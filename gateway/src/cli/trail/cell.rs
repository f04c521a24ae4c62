//! One value of a result as text, whatever its format.

use wire::upstream::Format;

/// The days from 1970-01-01, where our calendar starts, to 2000-01-01, where PostgreSQL's does.
const EPOCH_DAYS: i64 = 10_957;
const DAY: i64 = 86_400_000_000;

/// A value as psql would show it; what cannot be read is shown as `bytea` is.
pub(crate) fn text(type_oid: u32, format: Format, value: &[u8]) -> String {
    let read = match format {
        Format::Text => utf8(value),
        Format::Binary => binary(type_oid, value),
    };
    read.unwrap_or_else(|| trail::event::hexadecimal(value))
}

/// Text without what a terminal would obey: control characters are written out.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() || is_directional(control) => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out
}

/// Characters that make later ones appear elsewhere than they are.
fn is_directional(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn utf8(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().map(str::to_owned)
}

fn binary(type_oid: u32, value: &[u8]) -> Option<String> {
    match type_oid {
        16 => Some(if fixed(value)? == [0] { "f" } else { "t" }.to_owned()),
        20 => Some(i64::from_be_bytes(fixed(value)?).to_string()),
        21 => Some(i16::from_be_bytes(fixed(value)?).to_string()),
        23 => Some(i32::from_be_bytes(fixed(value)?).to_string()),
        26 | 2205 | 2206 | 24 => Some(u32::from_be_bytes(fixed(value)?).to_string()),
        700 => Some(f32::from_be_bytes(fixed(value)?).to_string()),
        701 => Some(f64::from_be_bytes(fixed(value)?).to_string()),
        // char, name, text, json, xml, unknown, bpchar, varchar
        18 | 19 | 25 | 114 | 142 | 705 | 1042 | 1043 => utf8(value),
        3802 => value
            .split_first()
            .filter(|(version, _)| **version == 1)
            .and_then(|(_, json)| utf8(json)),
        1082 => date(i32::from_be_bytes(fixed(value)?)),
        1083 => Some(time(i64::from_be_bytes(fixed(value)?))),
        1114 => timestamp(i64::from_be_bytes(fixed(value)?)),
        1184 => timestamp(i64::from_be_bytes(fixed(value)?)).map(|time| match time.as_str() {
            "infinity" | "-infinity" => time,
            _ => format!("{time}+00"),
        }),
        1700 => numeric(value),
        2950 => Some(uuid(fixed(value)?)),
        _ => None,
    }
}

fn fixed<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    value.try_into().ok()
}

fn date(days: i32) -> Option<String> {
    Some(match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (year, month, day) = civil(i64::from(days) + EPOCH_DAYS);
            format!("{year:04}-{month:02}-{day:02}")
        }
    })
}

fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let text = format!("{hours:02}:{minutes:02}:{:02}.{fraction:06}", seconds % 60);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn timestamp(micros: i64) -> Option<String> {
    let days = i32::try_from(micros.div_euclid(DAY)).ok();
    Some(match (micros, days) {
        (i64::MAX, _) => "infinity".to_owned(),
        (i64::MIN, _) => "-infinity".to_owned(),
        (_, Some(days)) => format!("{} {}", date(days)?, time(micros.rem_euclid(DAY))),
        (_, None) => return None,
    })
}

/// Year, month and day of a day counted from 1970-01-01, by the Gregorian calendar: eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let leaps = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Digits of four decimals each, the first worth 10000 to the power of the weight.
fn numeric(value: &[u8]) -> Option<String> {
    let mut words = value
        .chunks_exact(2)
        .map(|word| u16::from_be_bytes([word[0], word[1]]));
    let (_count, weight) = (words.next()?, words.next()? as i16);
    let (sign, scale) = (words.next()?, words.next()? as usize);
    match sign {
        0xc000 => return Some("NaN".to_owned()),
        0xd000 => return Some("Infinity".to_owned()),
        0xf000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let digits: Vec<u16> = words.collect();
    let digit = |power: i32| {
        let at = usize::try_from(i32::from(weight) - power).ok();
        at.and_then(|at| digits.get(at)).copied().unwrap_or(0)
    };
    let mut whole: String = (0..=i32::from(weight))
        .rev()
        .map(|p| format!("{:04}", digit(p)))
        .collect();
    whole = whole.trim_start_matches('0').to_owned();
    if whole.is_empty() {
        whole.push('0');
    }
    let places = i32::try_from(scale.div_ceil(4)).ok()?;
    let fraction: String = (1..=places).map(|p| format!("{:04}", digit(-p))).collect();
    let minus = if sign == 0x4000 { "-" } else { "" };
    Some(match scale {
        0 => format!("{minus}{whole}"),
        _ => format!("{minus}{whole}.{}", fraction.get(..scale)?),
    })
}

fn uuid(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        (number >> 80) & 0xffff,
        (number >> 64) & 0xffff,
        (number >> 48) & 0xffff,
        number & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(type_oid: u32, value: &[u8]) -> String {
        text(type_oid, Format::Binary, value)
    }

    #[test]
    fn common_binary_types_read_as_psql_shows_them() {
        assert_eq!(shown(16, &[1]), "t");
        assert_eq!(shown(23, &(-5_i32).to_be_bytes()), "-5");
        assert_eq!(shown(701, &1.5_f64.to_be_bytes()), "1.5");
        assert_eq!(shown(25, "é".as_bytes()), "é");
        assert_eq!(shown(3802, b"\x01{}"), "{}");
        assert_eq!(shown(1082, &0_i32.to_be_bytes()), "2000-01-01");
        assert_eq!(shown(1082, &(-36_524_i32 - 1).to_be_bytes()), "1899-12-31");
        assert_eq!(shown(1083, &3_661_500_000_i64.to_be_bytes()), "01:01:01.5");
        assert_eq!(
            shown(1114, &(59 * DAY).to_be_bytes()),
            "2000-02-29 00:00:00"
        );
        assert_eq!(shown(1184, &i64::MAX.to_be_bytes()), "infinity");
        assert_eq!(
            shown(2950, &[0xab; 16]),
            "abababab-abab-abab-abab-abababababab"
        );
        assert_eq!(shown(600, &[1, 2]), "\\x0102");
        assert_eq!(shown(23, &[1]), "\\x01");
    }

    #[test]
    fn numerics_keep_their_scale() {
        let number = |words: &[u16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            shown(1700, &bytes)
        };
        assert_eq!(number(&[2, 1, 0, 2, 1, 2345, 6700]), "12345.67");
        assert_eq!(number(&[1, 0xffff, 0x4000, 3, 50]), "-0.005");
        assert_eq!(number(&[0, 0, 0, 0]), "0");
        assert_eq!(number(&[1, 1, 0, 0, 3]), "30000");
        assert_eq!(number(&[0, 0, 0xc000, 0]), "NaN");
    }

    #[test]
    fn a_terminal_is_not_told_what_to_do() {
        assert_eq!(printable("a\x1b[2Jb\n\u{202e}"), "a\\u{1b}[2Jb\\n\\u{202e}");
    }
}
