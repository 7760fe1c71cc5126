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

#[derive(Clone, Copy)]
struct Country {
    code: &'static str,
    currency: &'static str,
    dialling: &'static str,
}

const US: Country = Country { code: "US", currency: "USD", dialling: "+1415555" };
const FR: Country = Country { code: "FR", currency: "EUR", dialling: "+3314012" };
const ES: Country = Country { code: "ES", currency: "EUR", dialling: "+3491123" };
const IT: Country = Country { code: "IT", currency: "EUR", dialling: "+3906123" };
const PL: Country = Country { code: "PL", currency: "PLN", dialling: "+4822123" };

#[derive(Clone, Copy)]
struct Place {
    country: Country,
    /// Street, city, state or region, postal code.
    address: [&'static str; 4],
}

const fn place(country: Country, address: [&'static str; 4]) -> Place {
    Place { country, address }
}

const PLACES: &[Place] = &[
    place(US, ["Market St", "San Francisco", "CA", "94105"]),
    place(US, ["Broadway", "New York", "NY", "10001"]),
    place(US, ["State St", "Chicago", "IL", "60601"]),
    place(US, ["Congress Ave", "Austin", "TX", "78701"]),
    place(FR, ["Rue de Rivoli", "Paris", "IDF", "75001"]),
    place(FR, ["Rue de la Paix", "Lyon", "ARA", "69002"]),
    place(FR, ["La Canebière", "Marseille", "PAC", "13001"]),
    place(ES, ["Calle de Alcalá", "Madrid", "MD", "28013"]),
    place(ES, ["La Rambla", "Barcelona", "CT", "08002"]),
    place(ES, ["Calle Colón", "Valencia", "VC", "46002"]),
    place(IT, ["Via Nazionale", "Roma", "RM", "00184"]),
    place(IT, ["Via Dante", "Milano", "MI", "20121"]),
    place(PL, ["Marszałkowska", "Warszawa", "MZ", "00-001"]),
    place(PL, ["Floriańska", "Kraków", "MA", "31-042"]),
];

impl Place {
    fn address(&self, n: u64) -> Value {
        let [street, city, state, postal_code] = self.address;
        json!({"street": format!("{} {street}", 1 + n % 200), "city": city, "state": state,
               "postalCode": postal_code, "country": self.country.code})
    }

    fn customer(&self, n: u64, contact: &str) -> Value {
        json!({"customerId": format!("CUST-{n:08}"), "firstName": "Alex", "lastName": format!("Sample{n}"),
               "email": format!("customer{n}@example.com"), "preferredContactMethod": contact,
               "phone": format!("{}{:04}", self.country.dialling, n % 10_000)})
    }
}

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
        let system = self.system(n);
        let place = one_of(PLACES, n, 1);
        let quantity = 1 + choice(n, 2, 3);
        let preferred = self.first_day.saturating_add(i64::try_from(choice(n, 3, 28)).unwrap_or_default().days());
        let (start, end) = one_of(&WINDOWS, n, 4);
        let (product, name, cents) = one_of(&PRODUCTS, n, 5);
        let currency = place.country.currency;
        json!({
            "externalOrderId": format!("{}{}-{n:08}", system.prefix(), self.prefix),
            "salesSystem": system.wire(),
            "orderType": one_of(&TYPES, n, 6),
            "priority": one_of(&PRIORITIES, n, 7),
            "customer": place.customer(n, one_of(&CONTACTS, n, 8)),
            "serviceAddress": place.address(n),
            "serviceItems": [{
                "itemId": format!("ITEM-{n:08}"),
                "productId": product,
                "productName": name,
                "quantity": quantity,
                "unitPrice": { "amount": Decimal::new(cents, 2).to_string(), "currency": currency },
                "requiresInstallation": true
            }],
            "totalAmount": amounts(Decimal::new(cents, 2) * Decimal::from(quantity), currency),
            "schedulingPreferences": {
                "preferredDate": preferred.to_string(),
                "timeWindow": { "start": start, "end": end }
            },
            "requiredSkills": ["FIBER_INSTALLATION"],
            "estimatedDuration": 60 + 30 * choice(n, 9, 3)
        })
    }

    fn system(&self, n: u64) -> SalesSystem {
        let turn = n.checked_rem(self.systems.len() as u64).and_then(|turn| usize::try_from(turn).ok());
        turn.and_then(|turn| self.systems.get(turn)).copied().unwrap_or(SalesSystem::Pyxis)
    }
}

fn amounts(subtotal: Decimal, currency: &str) -> Value {
    let tax = (subtotal * Decimal::new(20, 2)).round_dp(2);
    let [subtotal, tax, total] = [subtotal, tax, subtotal + tax].map(|amount| format!("{amount:.2}"));
    json!({"subtotal": subtotal, "tax": tax, "total": total, "currency": currency})
}

fn one_of<T: Copy>(among: &[T], n: u64, salt: u64) -> T {
    among[choice(n, salt, among.len())]
}

/// Chooses by a scrambled number, so that the choices of an order do not march in step.
fn choice(n: u64, salt: u64, among: usize) -> usize {
    let mixed = (n ^ (salt << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from((mixed >> 33) % among as u64).expect("smaller than a length")
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
