//! Times of the week.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use sluice_sdk::{grants, settings};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_A_DAY: i64 = 24 * 60;
/// 1970-01-01 was a Thursday.
const FIRST_DAY: i64 = 3;
/// No place on earth is further from Greenwich.
const FURTHEST: i64 = 14 * 60;

/// Hours of some days: `Mon-Fri 08:00-18:00 +02:00`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span {
    /// From Monday.
    days: [bool; 7],
    /// Minutes of the day. Where `from` is not less, it ends on the next day.
    from: i64,
    to: i64,
    /// Minutes east of Greenwich.
    offset: i64,
}

/// When something is in force: during one of some spans and none of others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) times: Vec<Span>,
    pub(crate) except_times: Vec<Span>,
}

impl Schedule {
    /// True where it asks for the time.
    pub(crate) fn needs_clock(&self) -> bool {
        !self.times.is_empty() || !self.except_times.is_empty()
    }

    /// True where it is in force now. To be asked last: a decision that looked at the clock is not
    /// reused.
    pub(crate) fn is_now(&self) -> bool {
        if !self.needs_clock() {
            return true;
        }
        let now = grants::now();
        let during = |spans: &[Span]| spans.iter().any(|span| span.covers(now));
        (self.times.is_empty() || during(&self.times)) && !during(&self.except_times)
    }
}

impl Span {
    fn covers(&self, now: SystemTime) -> bool {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let minutes = i64::try_from(seconds / 60).unwrap_or(i64::MAX / 2) + self.offset;
        let (day, minute) = (
            minutes.div_euclid(MINUTES_A_DAY),
            minutes.rem_euclid(MINUTES_A_DAY),
        );
        let begins_on = |day: i64| {
            let day = usize::try_from((day + FIRST_DAY).rem_euclid(7));
            day.is_ok_and(|day| self.days[day])
        };
        if self.from < self.to {
            return begins_on(day) && (self.from..self.to).contains(&minute);
        }
        begins_on(day) && minute >= self.from || begins_on(day - 1) && minute < self.to
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |what: String| {
            format!("\"{text}\": {what}; write such as \"Mon-Fri 08:00-18:00 +02:00\"")
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, hours, zone) = match words[..] {
            [days, hours] => (days, hours, "Z"),
            [days, hours, zone] => (days, hours, zone),
            _ => return Err(wrong("these are not days and hours".to_owned())),
        };
        let days = days_of(days).map_err(wrong)?;
        let ends = hours.split_once('-');
        let (from, to) = ends.ok_or_else(|| wrong(format!("\"{hours}\" is no span of hours")))?;
        let (from, to) = (minute(from).map_err(wrong)?, minute(to).map_err(wrong)?);
        if from == to || from == MINUTES_A_DAY {
            return Err(wrong(format!("\"{hours}\" is no time at all")));
        }
        let offset = offset(zone).map_err(wrong)?;
        Ok(Span {
            days,
            from,
            to,
            offset,
        })
    }
}

/// `daily`, or days and spans of days with commas: `Mon-Thu,Sat`.
fn days_of(text: &str) -> Result<[bool; 7], String> {
    if text == "daily" {
        return Ok([true; 7]);
    }
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (day(first)?, day(last)?);
        days[day] = true;
        while day != last {
            day = (day + 1) % 7;
            days[day] = true;
        }
    }
    Ok(days)
}

fn day(text: &str) -> Result<usize, String> {
    let found = DAYS.iter().position(|day| *day == text);
    found.ok_or_else(|| format!("{}, nor \"daily\"", settings::none_of(text, &DAYS)))
}

/// `8`, `08` or `08:30`, up to `24:00`.
fn minute(text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is no time of day such as \"08:30\"");
    let (hours, minutes) = text.split_once(':').unwrap_or((text, "00"));
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse::<i64>().map_err(|_| wrong()),
        false => Err(wrong()),
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    match hours * 60 + minutes {
        minute if hours <= 24 && minutes < 60 && minute <= MINUTES_A_DAY => Ok(minute),
        _ => Err(wrong()),
    }
}

/// `Z`, `+02:00`, `-03:30`.
fn offset(text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is no offset such as \"+02:00\" or \"Z\"");
    if text == "Z" {
        return Ok(0);
    }
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(wrong()),
    };
    match minute(rest).map_err(|_| wrong())? {
        minutes if minutes <= FURTHEST => Ok(sign * minutes),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// That minute of the week that began on Monday, 1970-01-05, in Greenwich.
    fn at(day: u64, hour: u64, minute: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs((((4 + day) * 24 + hour) * 60 + minute) * 60)
    }

    fn span(text: &str) -> Span {
        Span::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn hours_of_days() {
        let office = span("Mon-Fri 08:00-18:00");
        assert!(office.covers(at(0, 8, 0)) && office.covers(at(4, 17, 59)));
        assert!(!office.covers(at(0, 7, 59)) && !office.covers(at(0, 18, 0)));
        assert!(!office.covers(at(5, 12, 0)) && !office.covers(at(6, 12, 0)));
        assert!(span("daily 0-24").covers(at(6, 23, 59)));
        assert!(span("Fri-Mon,Wed 8-9").covers(at(6, 8, 30)));
        assert!(!span("Fri-Mon,Wed 8-9").covers(at(1, 8, 30)));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = span("Sun 22:00-06:00");
        assert!(night.covers(at(6, 22, 0)) && night.covers(at(7, 5, 59)));
        assert!(!night.covers(at(6, 5, 0)) && !night.covers(at(7, 6, 0)));
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let berlin = span("Mon 00:30-08:00 +02:00");
        assert!(berlin.covers(at(6, 22, 30)) && !berlin.covers(at(0, 6, 0)));
        let west = span("Sun 20:00-24:00 -03:30");
        assert!(west.covers(at(7, 3, 0)) && !west.covers(at(6, 20, 0)));
    }

    #[test]
    fn what_is_no_span_is_refused_with_an_example() {
        for text in [
            "",
            "Mon",
            "Mon 8",
            "mon 8-9",
            "Mon-Funday 8-9",
            "Mon 8-25",
            "Mon 8:60-9",
            "Mon 8-8",
            "Mon 24-8",
            "Mon +8-9",
            "Mon 8-9 Berlin",
            "Mon 8-9 +15:00",
            "Mon 8-9 Z again",
        ] {
            let error = Span::try_from(text.to_owned()).unwrap_err();
            assert!(
                error.contains("Mon-Fri 08:00-18:00 +02:00"),
                "{text}: {error}"
            );
        }
    }
}
