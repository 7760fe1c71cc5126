use fsm_server::scheduler::{Coordinates, Technician, default_team};
use partner_sim::sales::sample_order;
use serde_json::{Value, json};

/// The sample order of seed 000 under another id.
pub(crate) fn an_order(external_id: &str) -> Value {
    let mut order = sample_order();
    order["externalOrderId"] = json!(external_id);
    order
}

/// An order that anybody may do at any time.
pub(crate) fn without_preferences(external_id: &str) -> Value {
    let mut order = an_order(external_id);
    let fields = order.as_object_mut().unwrap();
    fields.remove("schedulingPreferences");
    fields.remove("requiredSkills");
    order
}

/// An order at another address.
pub(crate) fn order_at(external_id: &str, country: &str, postal_code: &str, city: &str) -> Value {
    let mut order = an_order(external_id);
    order["serviceAddress"] =
        json!({"street": "1 Main St", "city": city, "state": "", "postalCode": postal_code, "country": country});
    order
}

/// A technician of San Francisco, at home so far from the sample order's address.
pub(crate) fn technician(id: &str, latitude: f64, skills: &[&str]) -> Technician {
    let like = default_team().remove(0);
    Technician {
        id: id.to_owned(),
        name: format!("Technician {id}"),
        provider: format!("PROV-{}", id.to_uppercase()),
        home: Coordinates::new(latitude, -122.394).unwrap(),
        skills: skills.iter().map(|&skill| skill.to_owned()).collect(),
        ..like
    }
}
