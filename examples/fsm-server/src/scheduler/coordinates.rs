use serde::{Deserialize, Serialize};

/// A point on the earth; latitude and longitude are always in range (F-S1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

/// Numbers that are no point on the earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("latitude must be -90 to 90 and longitude -180 to 180")]
pub struct InvalidCoordinates;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    latitude: f64,
    longitude: f64,
}

impl Coordinates {
    /// Checks the two numbers, in degrees; zero is a place like any other.
    ///
    /// # Errors
    /// [`InvalidCoordinates`] when one is out of range or no number.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidCoordinates> {
        if (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) {
            Ok(Self { latitude, longitude })
        } else {
            Err(InvalidCoordinates)
        }
    }

    /// Degrees north of the equator.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east of Greenwich.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude
    }
}

impl TryFrom<Raw> for Coordinates {
    type Error = InvalidCoordinates;

    fn try_from(raw: Raw) -> Result<Self, InvalidCoordinates> {
        Self::new(raw.latitude, raw.longitude)
    }
}

impl From<Coordinates> for Raw {
    fn from(point: Coordinates) -> Self {
        Self { latitude: point.latitude, longitude: point.longitude }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_s1_zero_is_a_place_and_999_is_none() {
        assert!(Coordinates::new(0.0, 0.0).is_ok());
        for (latitude, longitude) in [(999.0, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert!(Coordinates::new(latitude, longitude).is_err(), "{latitude} {longitude}");
        }
    }
}
