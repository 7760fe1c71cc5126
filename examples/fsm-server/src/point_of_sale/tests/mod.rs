//! The work against the stand-in of the back office, over HTTP, on a clock that the test moves.

mod push;
mod routes;
mod schedule;
mod sync;

use std::{sync::Arc, time::Duration};

use fsm_integration_core::{
    adapter::TenantId,
    clock::WallClock,
    event::{
        Amount,
        catalogue::{
            ContactMethod, OrderCustomer, OrderData, OrderPriority, OrderTotal, OrderType, Personal, ServiceAddress,
            ServiceItem, SourceSystem,
        },
    },
    http_client::install_tls,
    secret::{Secret, StaticSecrets},
    testing::VirtualClock,
};
use jiff::{Timestamp, tz::TimeZone};
use partner_sim::{Sim, SimConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::PointOfSale;
use crate::{
    config::{ConexxusConfig, Config},
    partners::Partners,
    store::{
        Store,
        orders::{self, Order, Status},
    },
};

const LOCATION: &str = "loc-001";
const PUSH: &str = "/conexxus/api/v1/sales/push";
const ITEMS: &str = "/conexxus/api/v1/inventory/items";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A location, its server's state and its back office.
struct Shop {
    sim: Sim,
    clock: VirtualClock,
    store: Store,
    config: ConexxusConfig,
    _directory: TempDir,
}

impl Shop {
    /// A shop in a zone at a time; failed calls are not repeated within the call.
    async fn open(zone: &str, now: &str) -> Self {
        install_tls();
        let clock = VirtualClock::starting_at(at(now));
        let time = clock.clone();
        let sim = Sim::start(SimConfig { now: Arc::new(move || time.timestamp()), ..SimConfig::default() });
        let sim = sim.await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), Arc::new(clock.clone())).await.unwrap();
        let config = ConexxusConfig {
            url: format!("{}/conexxus", sim.url()),
            api_key: Some(Secret::new(SimConfig::default().conexxus_api_key)),
            retries: 0,
            retry_delay: Duration::from_millis(1),
            location_id: LOCATION.to_owned(),
            zone: TimeZone::get(zone).unwrap(),
            ..ConexxusConfig::default()
        };
        Self { sim, clock, store, config, _directory: directory }
    }

    /// What a server that starts now does with the shop's state.
    fn start(&self) -> PointOfSale {
        let config = Config { conexxus: self.config.clone(), ..Config::default() };
        let clock: Arc<dyn WallClock> = Arc::new(self.clock.clone());
        let partners = Partners::new(config, Box::new(StaticSecrets::default()), Arc::clone(&clock));
        PointOfSale::new(self.store.clone(), &partners, clock)
    }

    /// An order of a tenant that was closed at a time.
    async fn sell(&self, tenant: &str, external_id: &str, closed: &str) -> Uuid {
        let order = order(tenant, external_id);
        let (id, closed) = (order.id, at(closed));
        let write = move |tx: &fsm_integration_core::sqlite::Tx<'_>| {
            orders::insert(tx, &order, closed)?;
            orders::set_status(tx, id, Status::Completed, None, closed)
        };
        self.store.write(write).await.unwrap();
        id
    }

    /// What was pushed for a date: the transactions of its one push.
    fn pushed(&self, date: &str) -> Value {
        let ledger = self.sim.ledger();
        assert_eq!(ledger.violations(), Vec::<String>::new());
        let pushes: Vec<_> = ledger.pushes_of(LOCATION, date).collect();
        assert_eq!(pushes.len(), 1, "pushes of {date}");
        pushes[0].body["transactions"].clone()
    }

    fn ids(&self, date: &str) -> Vec<String> {
        let transactions = self.pushed(date);
        transactions.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The dates in the order of their accepted pushes.
    fn dates(&self) -> Vec<String> {
        self.sim.with_ledger(|ledger| ledger.pushes.iter().map(|push| push.date.clone()).collect())
    }
}

/// Ends when something has come about that needs sockets, and hence no clock of ours.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("no {what}"));
}

fn wine(sku: &str, price: f64) -> Value {
    json!({"sku": sku, "name": "Cabernet Sauvignon 2020", "price": price, "category": "Wine"})
}

fn euros(text: &str) -> Amount {
    Amount::parse(text, "EUR").unwrap()
}

fn order(tenant: &str, external_id: &str) -> Order {
    Order {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{tenant}/{external_id}").as_bytes()),
        tenant: TenantId::new(tenant).unwrap(),
        source_system: SourceSystem::Pyxis,
        external_order_id: external_id.to_owned(),
        status: Status::InProgress,
        country_code: "ES".to_owned(),
        correlation_id: "corr-1".parse().unwrap(),
        received_at: at("2026-01-01T00:00:00Z"),
        data: data(),
    }
}

fn data() -> OrderData {
    let item = ServiceItem {
        item_id: "1".to_owned(),
        product_id: "WINE001".to_owned(),
        product_name: "Cabernet Sauvignon 2020".to_owned(),
        quantity: 2,
        unit_price: euros("24.99"),
        serial_numbers: Vec::new(),
        requires_installation: false,
    };
    OrderData {
        order_type: OrderType::Installation,
        priority: OrderPriority::Medium,
        customer: OrderCustomer {
            customer_id: "C1".to_owned(),
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            email: None,
            phone: None,
            preferred_contact_method: ContactMethod::Email,
        },
        service_address: ServiceAddress {
            street: "Calle Mayor 1".into(),
            street2: None,
            city: "Madrid".into(),
            state: None,
            postal_code: "28013".into(),
            country: "ES".to_owned(),
            access_notes: None,
            parking_instructions: None,
        },
        service_items: vec![item],
        total_amount: OrderTotal { subtotal: euros("49.98"), tax: euros("0.12"), total: euros("50.10") },
        scheduling_preferences: None,
        required_skills: Vec::new(),
        estimated_duration: None,
        metadata: Personal::default(),
    }
}
