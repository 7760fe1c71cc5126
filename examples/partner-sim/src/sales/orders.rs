//! Many distinct valid orders, the same for the same number.

use jiff::{ToSpan, civil::Date};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::SalesSystem;

/// Writes orders for a run; two books with different prefixes never share an order.
#[derive(Debug, Clone)]
pub struct OrderBook {
    /// Stands between the system's prefix and the number, `LOAD` by default.
    pub prefix: String,
    /// The first preferred date; orders spread over the four weeks from it.
    pub first_day: Date,
    /// The systems that take turns; both by default.
    pub systems: Vec<SalesSystem>,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self {
            prefix: "LOAD".into(),
            first_day: jiff::civil::date(2025, 1, 20),
            systems: vec![SalesSystem::Pyxis, SalesSystem::Tempo],
        }
    }
}

/// Writes the n-th order of the default book.
#[must_use]
pub fn order(n: u64) -> Value {
    OrderBook::default().order(n)
}

struct Place {
    street: &'static str,
    city: &'static str,
    state: &'static str,
    postal_code: &'static str,
    country: &'static str,
    currency: &'static str,
    dialling: &'static str,
}

macro_rules! places {
    ($($country:literal $currency:literal $dialling:literal: $([$street:literal, $city:literal, $state:literal, $code:literal])+;)+) => {
        &[$($(Place { street: $street, city: $city, state: $state, postal_code: $code,
                      country: $country, currency: $currency, dialling: $dialling }),+),+]
    };
}

const PLACES: &[Place] = places! {
    "US" "USD" "+1415555": ["Market St", "San Francisco", "CA", "94105"] ["Broadway", "New York", "NY", "10001"]
                           ["State St", "Chicago", "IL", "60601"] ["Congress Ave", "Austin", "TX", "78701"];
    "FR" "EUR" "+3314012": ["Rue de Rivoli", "Paris", "IDF", "75001"] ["Rue de la Paix", "Lyon", "ARA", "69002"]
                           ["La Canebière", "Marseille", "PAC", "13001"];
    "ES" "EUR" "+3491123": ["Calle de Alcalá", "Madrid", "MD", "28013"] ["La Rambla", "Barcelona", "CT", "08002"]
                           ["Calle Colón", "Valencia", "VC", "46002"];
    "IT" "EUR" "+3906123": ["Via Nazionale", "Roma", "RM", "00184"] ["Via Dante", "Milano", "MI", "20121"];
    "PL" "PLN" "+4822123": ["Marszałkowska", "Warszawa", "MZ", "00-001"] ["Floriańska", "Kraków", "MA", "31-042"];
};

const PRODUCTS: [(&str, &str, i64); 3] = [
    ("PROD-FIBER-1GB", "Fiber Internet 1GB", 9999),
    ("PROD-FIBER-300", "Fiber Internet 300", 4950),
    ("PROD-BOX", "Home box", 12900),
];

const TYPES: [&str; 4] = ["INSTALLATION", "REPAIR", "MAINTENANCE", "UPGRADE"];
const PRIORITIES: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "URGENT"];
const CONTACTS: [&str; 3] = ["EMAIL", "SMS", "PHONE"];
const WINDOWS: [(&str, &str); 3] = [("09:00", "12:00"), ("12:00", "16:00"), ("13:00", "18:00")];

impl OrderBook {
    /// Writes the n-th order.
    #[must_use]
    pub fn order(&self, n: u64) -> Value {
        // Index by a scrambled number, so that the choices do not march in step.
        let pick = |salt: u64, among: usize| {
            let mixed = (n ^ (salt << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            usize::try_from((mixed >> 33) % among as u64).expect("smaller than a length")
        };
        let system = self.system(n);
        let place = &PLACES[pick(1, PLACES.len())];
        let quantity = 1 + pick(2, 3);
        let preferred = self.first_day.saturating_add(i64::try_from(pick(3, 28)).unwrap_or_default().days());
        let (start, end) = WINDOWS[pick(4, WINDOWS.len())];
        let (product, name, cents) = PRODUCTS[pick(5, PRODUCTS.len())];
        let unit = Decimal::new(cents, 2);
        let subtotal = unit * Decimal::from(quantity);
        let tax = (subtotal * Decimal::new(20, 2)).round_dp(2);
        json!({
            "externalOrderId": format!("{}{}-{n:08}", system.prefix(), self.prefix),
            "salesSystem": system.wire(),
            "orderType": TYPES[pick(6, TYPES.len())],
            "priority": PRIORITIES[pick(7, PRIORITIES.len())],
            "customer": {
                "customerId": format!("CUST-{n:08}"),
                "firstName": "Alex",
                "lastName": format!("Sample{n}"),
                "email": format!("customer{n}@example.com"),
                "phone": format!("{}{:04}", place.dialling, n % 10_000),
                "preferredContactMethod": CONTACTS[pick(8, CONTACTS.len())]
            },
            "serviceAddress": {
                "street": format!("{} {}", 1 + n % 200, place.street),
                "city": place.city,
                "state": place.state,
                "postalCode": place.postal_code,
                "country": place.country
            },
            "serviceItems": [{
                "itemId": format!("ITEM-{n:08}"),
                "productId": product,
                "productName": name,
                "quantity": quantity,
                "unitPrice": { "amount": unit.to_string(), "currency": place.currency },
                "requiresInstallation": true
            }],
            "totalAmount": {
                "subtotal": subtotal.to_string(),
                "tax": format!("{tax:.2}"),
                "total": format!("{:.2}", subtotal + tax),
                "currency": place.currency
            },
            "schedulingPreferences": {
                "preferredDate": preferred.to_string(),
                "timeWindow": { "start": start, "end": end }
            },
            "requiredSkills": ["FIBER_INSTALLATION"],
            "estimatedDuration": 60 + 30 * pick(9, 3)
        })
    }

    fn system(&self, n: u64) -> SalesSystem {
        let turn = n.checked_rem(self.systems.len() as u64).and_then(|turn| usize::try_from(turn).ok());
        turn.and_then(|turn| self.systems.get(turn)).copied().unwrap_or(SalesSystem::Pyxis)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn orders_are_distinct_and_repeatable() {
        let ids: HashSet<String> = (0..2000).map(|n| order(n)["externalOrderId"].to_string()).collect();
        assert_eq!(ids.len(), 2000);
        assert_eq!(order(17), order(17));
    }

    #[test]
    fn every_total_is_the_exact_sum() {
        for n in 0..500 {
            let amounts = &order(n)["totalAmount"];
            let part = |name: &str| amounts[name].as_str().unwrap().parse::<Decimal>().unwrap();
            assert_eq!(part("subtotal") + part("tax"), part("total"), "order {n}");
        }
    }

    #[test]
    fn orders_spread_over_all_places_and_days() {
        let orders: Vec<Value> = (0..2000).map(order).collect();
        let distinct = |pointer: &str| {
            orders.iter().filter_map(|one| one.pointer(pointer)).map(Value::to_string).collect::<HashSet<_>>().len()
        };
        assert_eq!(distinct("/serviceAddress/city"), PLACES.len());
        assert_eq!(distinct("/schedulingPreferences/preferredDate"), 28);
        assert_eq!(distinct("/salesSystem"), 2);
    }
}
