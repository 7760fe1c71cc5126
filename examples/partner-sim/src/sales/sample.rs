//! The one order that everybody knows.

use serde_json::{Value, json};

/// Returns the sample order of the sales integration guide, field by field.
#[must_use]
pub fn sample_order() -> Value {
    json!({
        "externalOrderId": "PX-TEST-001",
        "salesSystem": "PYXIS",
        "orderType": "INSTALLATION",
        "priority": "MEDIUM",
        "customer": {
            "customerId": "CUST-001",
            "firstName": "John",
            "lastName": "Doe",
            "email": "john.doe@example.com",
            "phone": "+1-555-0100",
            "preferredContactMethod": "EMAIL"
        },
        "serviceAddress": {
            "street": "123 Main St",
            "city": "San Francisco",
            "state": "CA",
            "postalCode": "94105",
            "country": "US"
        },
        "serviceItems": [{
            "itemId": "ITEM-001",
            "productId": "PROD-FIBER-1GB",
            "productName": "Fiber Internet 1GB",
            "quantity": 1,
            "unitPrice": { "amount": "99.99", "currency": "USD" },
            "requiresInstallation": true
        }],
        "totalAmount": { "subtotal": "99.99", "tax": "8.50", "total": "108.49", "currency": "USD" },
        "schedulingPreferences": {
            "preferredDate": "2025-01-20",
            "timeWindow": { "start": "09:00", "end": "12:00" }
        },
        "requiredSkills": ["FIBER_INSTALLATION"],
        "estimatedDuration": 120
    })
}
