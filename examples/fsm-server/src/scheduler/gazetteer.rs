use async_trait::async_trait;
use fsm_integration_core::error::{Error, ErrorKind, Result};

use super::{AddressQuery, Coordinates, Geocoder};

/// The bundled list of places, found by country and postal code, else by country and city.
///
/// The longest matching prefix of the postal code wins; spaces, hyphens, case and accents do not matter.
#[derive(Debug, Clone)]
pub struct Gazetteer {
    places: Vec<Place>,
}

#[derive(Debug, Clone)]
struct Place {
    country: String,
    postal_prefix: String,
    cities: Vec<String>,
    point: Coordinates,
}

impl Gazetteer {
    /// Reads the list that is part of this program.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    #[must_use]
    pub fn bundled() -> Self {
        let rows = include_str!("gazetteer.csv").lines().skip(1);
        let places = rows.map(|row| Place::parse(row).expect("the bundled list is checked by a test")).collect();
        Self { places }
    }

    /// Finds the point of an address.
    ///
    /// # Errors
    /// `InvalidAddress` when neither postal code nor city is in the list.
    pub fn find(&self, address: AddressQuery<'_>) -> Result<Coordinates> {
        let country = country_code(address.country);
        let postal_code = squeeze(address.postal_code);
        let city = squeeze(address.city);
        let in_country = || self.places.iter().filter(|place| place.country == country);
        in_country()
            .filter(|place| place.serves(&postal_code))
            .max_by_key(|place| place.postal_prefix.len())
            .or_else(|| in_country().find(|place| place.cities.contains(&city)))
            .map(|place| place.point)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidAddress,
                    "the address cannot be geocoded: no known place has this country and postal code or city",
                )
            })
    }
}

#[async_trait]
impl Geocoder for Gazetteer {
    async fn locate(&self, address: AddressQuery<'_>) -> Result<Coordinates> {
        self.find(address)
    }
}

impl Place {
    fn parse(row: &str) -> Option<Self> {
        let [country, postal_prefix, cities, latitude, longitude] =
            <[&str; 5]>::try_from(row.split(',').collect::<Vec<_>>()).ok()?;
        Some(Self {
            country: country.to_owned(),
            postal_prefix: postal_prefix.to_owned(),
            cities: cities.split('|').map(squeeze).collect(),
            point: Coordinates::new(latitude.parse().ok()?, longitude.parse().ok()?).ok()?,
        })
    }

    /// A British area such as `E` ends where the digits begin: `EH1` is another city.
    fn serves(&self, postal_code: &str) -> bool {
        let Some(rest) = postal_code.strip_prefix(&self.postal_prefix) else { return false };
        let area = self.postal_prefix.bytes().all(|byte| byte.is_ascii_uppercase());
        !area || rest.starts_with(|next: char| next.is_ascii_digit())
    }
}

fn country_code(text: &str) -> String {
    match squeeze(text).as_str() {
        "USA" => "US".to_owned(),
        "UK" => "GB".to_owned(),
        code => code.to_owned(),
    }
}

/// Upper case without accents, spaces and punctuation.
fn squeeze(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).filter(|c| c.is_alphanumeric()).map(without_accent).collect()
}

fn without_accent(letter: char) -> char {
    match letter {
        'À'..='Å' | 'Ą' => 'A',
        'Ç' | 'Ć' => 'C',
        'È'..='Ë' | 'Ę' => 'E',
        'Ì'..='Ï' => 'I',
        'Ł' => 'L',
        'Ñ' | 'Ń' => 'N',
        'Ò'..='Ö' => 'O',
        'Ś' => 'S',
        'Ù'..='Ü' => 'U',
        'Ź' | 'Ż' => 'Z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn find(country: &str, postal_code: &str, city: &str) -> Option<(f64, f64)> {
        let point = Gazetteer::bundled().find(AddressQuery { country, postal_code, city }).ok()?;
        Some((point.latitude(), point.longitude()))
    }

    #[test]
    fn every_row_is_readable_and_no_prefix_stands_twice() {
        let places = Gazetteer::bundled().places;
        assert!(places.len() > 150);
        let prefixes: HashSet<_> = places.iter().map(|place| (&place.country, &place.postal_prefix)).collect();
        assert_eq!(prefixes.len(), places.len());
    }

    #[test]
    fn every_place_lies_in_its_country() {
        for place in Gazetteer::bundled().places {
            let (latitudes, longitudes) = match place.country.as_str() {
                "US" => (20.0..62.0, -158.0..-66.0),
                "FR" => (42.0..51.2, -5.0..8.3),
                "ES" => (27.5..44.0, -18.2..4.4),
                "IT" => (36.5..47.1, 6.6..18.6),
                "PL" => (49.0..54.9, 14.1..24.2),
                "PT" => (32.5..42.2, -17.3..-6.1),
                "DE" => (47.2..55.1, 5.8..15.1),
                "GB" => (49.9..59.0, -8.2..1.8),
                _ => (46.0..53.5, -6.5..17.2),
            };
            assert!(latitudes.contains(&place.point.latitude()), "{:?}", place.cities);
            assert!(longitudes.contains(&place.point.longitude()), "{:?}", place.cities);
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        assert_eq!(find("US", "94105", ""), Some((37.7898, -122.3942)));
        assert_eq!(find("us", "94105-1234", "San Francisco"), Some((37.7898, -122.3942)));
        assert_eq!(find("USA", "94110", ""), Some((37.7749, -122.4194)));
        assert_eq!(find("FR", "76600", ""), Some((49.4944, 0.1079)));
    }

    #[test]
    fn a_british_area_is_not_a_prefix_of_another() {
        assert_eq!(find("GB", "EH1 1YZ", ""), Some((55.9533, -3.1883)));
        assert_eq!(find("UK", "e1 6an", ""), Some((51.5290, -0.0400)));
        assert_eq!(find("GB", "EX4 4QJ", ""), None);
    }

    #[test]
    fn a_city_is_found_whatever_its_accents_and_case() {
        assert_eq!(find("PL", "", "lodz"), find("PL", "90-001", ""));
        assert_eq!(find("FR", "", "SAINT ETIENNE"), find("FR", "42000", ""));
        assert_eq!(find("IT", "99999", "Rome"), find("IT", "00184", ""));
    }

    #[test]
    fn an_unknown_place_is_an_invalid_address() {
        for (country, postal_code, city) in
            [("US", "", ""), ("XX", "94105", "San Francisco"), ("US", "00000", "Nowhere")]
        {
            let error = Gazetteer::bundled().find(AddressQuery { country, postal_code, city }).expect_err("unknown");
            assert_eq!(error.kind(), ErrorKind::InvalidAddress);
        }
    }
}
