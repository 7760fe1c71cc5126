//! How our types stand in Avro: ids as strings, instants as milliseconds, dates as days.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Makes a module for `#[serde(with)]`, and one inside it for `Option`, of a pair of conversions.
macro_rules! form {
    ($(#[$doc:meta])* $name:ident, $ours:ty, $theirs:ty, $write:expr, $read:expr) => {
        $(#[$doc])*
        pub(crate) mod $name {
            use super::*;

            pub(crate) fn serialize<S: Serializer>(value: &$ours, serializer: S) -> Result<S::Ok, S::Error> {
                $write(value).serialize(serializer)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$ours, D::Error> {
                $read(<$theirs>::deserialize(deserializer)?).map_err(D::Error::custom)
            }

            pub(crate) mod option {
                use super::*;

                pub(crate) fn serialize<S: Serializer>(value: &Option<$ours>, serializer: S) -> Result<S::Ok, S::Error> {
                    value.as_ref().map($write).serialize(serializer)
                }

                pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$ours>, D::Error> {
                    Option::<$theirs>::deserialize(deserializer)?.map($read).transpose().map_err(D::Error::custom)
                }
            }
        }
    };
}

form! {
    /// A UUID as its text.
    uuid, ::uuid::Uuid, String, ::uuid::Uuid::to_string, |text: String| text.parse::<::uuid::Uuid>()
}
form! {
    /// An instant as milliseconds since 1970.
    millis, jiff::Timestamp, i64, |at: &jiff::Timestamp| at.as_millisecond(), jiff::Timestamp::from_millisecond
}
form! {
    /// A date as days since 1970-01-01.
    days, jiff::civil::Date, i32, days_since_1970, date_of_days
}

/// A list of dates, each as days.
pub(crate) mod days_list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(dates: &[jiff::civil::Date], serializer: S) -> Result<S::Ok, S::Error> {
        dates.iter().map(days_since_1970).collect::<Vec<_>>().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<jiff::civil::Date>, D::Error> {
        Vec::<i32>::deserialize(deserializer)?
            .into_iter()
            .map(date_of_days)
            .collect::<Result<_, _>>()
            .map_err(D::Error::custom)
    }
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

fn days_since_1970(date: &jiff::civil::Date) -> i32 {
    (*date - EPOCH).get_days()
}

pub(crate) fn date_of_days(days: i32) -> Result<jiff::civil::Date, jiff::Error> {
    EPOCH.checked_add(jiff::Span::new().try_days(days)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970_both_ways() {
        for (text, days) in [("1970-01-01", 0), ("1969-12-31", -1), ("2025-01-20", 20_108), ("9999-12-31", 2_932_896)] {
            let date = text.parse().unwrap();
            assert_eq!(days_since_1970(&date), days);
            assert_eq!(date_of_days(days).unwrap(), date);
        }
        assert!(date_of_days(i32::MAX).is_err() && date_of_days(i32::MIN).is_err());
    }
}
