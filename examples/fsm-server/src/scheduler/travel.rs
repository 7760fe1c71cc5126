use super::Coordinates;

/// The earth's mean radius.
const EARTH_RADIUS_KM: f64 = 6371.0;
/// The average speed in town (seed 000).
const SPEED_KM_PER_HOUR: f64 = 40.0;

/// The distance over the ground, by the haversine formula.
#[must_use]
pub fn kilometres(from: Coordinates, to: Coordinates) -> f64 {
    let (lat_from, lat_to) = (from.latitude().to_radians(), to.latitude().to_radians());
    let half_lat = (lat_to - lat_from) / 2.0;
    let half_lon = (to.longitude() - from.longitude()).to_radians() / 2.0;
    let a = half_lat.sin().powi(2) + lat_from.cos() * lat_to.cos() * half_lon.sin().powi(2);
    // Rounding can carry the term above 1 for antipodes, whose root would be no number (F-S8).
    2.0 * EARTH_RADIUS_KM * a.clamp(0.0, 1.0).sqrt().asin()
}

/// Whole minutes on the road at 40 km/h, rounded up.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "half the equator is 30,023 minutes")]
pub fn travel_minutes(from: Coordinates, to: Coordinates) -> u32 {
    (kilometres(from, to) / SPEED_KM_PER_HOUR * 60.0).ceil() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(latitude: f64, longitude: f64) -> Coordinates {
        Coordinates::new(latitude, longitude).expect("in range")
    }

    #[test]
    fn paris_to_london_is_344_kilometres() {
        let distance = kilometres(at(48.8566, 2.3522), at(51.5074, -0.1278));
        assert!((distance - 343.6).abs() < 1.0, "{distance}");
        assert_eq!(travel_minutes(at(48.8566, 2.3522), at(51.5074, -0.1278)), 516);
    }

    #[test]
    fn a_started_minute_counts_and_staying_costs_nothing() {
        assert_eq!(travel_minutes(at(0.0, 0.0), at(0.0, 0.0)), 0);
        assert_eq!(travel_minutes(at(0.0, 0.0), at(0.0, 0.0001)), 1);
    }

    proptest! {
        #[test]
        fn f_s8_antipodes_have_a_travel_time(latitude in -90.0..=90.0_f64, longitude in -180.0..=0.0_f64) {
            let minutes = travel_minutes(at(latitude, longitude), at(-latitude, longitude + 180.0));
            prop_assert!((30_020..=30_025).contains(&minutes), "{}", minutes);
        }

        #[test]
        fn there_is_as_far_as_back(a in -90.0..=90.0_f64, b in -180.0..=180.0_f64, c in -90.0..=90.0_f64, d in -180.0..=180.0_f64) {
            let (there, back) = (kilometres(at(a, b), at(c, d)), kilometres(at(c, d), at(a, b)));
            prop_assert!((there - back).abs() < 1e-6);
        }
    }
}
