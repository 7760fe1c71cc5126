//! Reading a JSON body field by field, collecting everything that is wrong with it.
//!
//! A schema is a function from a [`FieldReader`] to your type, and reads like one:
//!
//! ```
//! use fsm_integration_core::adapter::fields::{FieldReader, id, integer, list, object, read, text};
//!
//! struct Order { id: String, note: Option<String>, items: Vec<Item> }
//! struct Item { name: String, quantity: i64 }
//!
//! fn order(order: &FieldReader<'_>) -> Order {
//!     Order {
//!         id: order.required("id", id()),
//!         note: order.optional("note", text(500)),
//!         items: order.required("items", list(1..=100, object(item))),
//!     }
//! }
//!
//! fn item(item: &FieldReader<'_>) -> Item {
//!     Item { name: item.required("name", text(100)), quantity: item.required("quantity", integer(1..=999)) }
//! }
//!
//! let body = serde_json::json!({"id": "A-1", "items": [{"name": "Fiber", "quantity": 0}, {"name": "ONT"}]});
//! let errors = read(&body, order).err().expect("two fields are wrong");
//! assert_eq!(
//!     errors.to_string(),
//!     "items[0].quantity: must be a whole number from 1 to 999; items[1].quantity: is required"
//! );
//! ```
//!
//! Fields that the schema does not name are ignored: a partner may add one without breaking us. Absent, `null` and
//! blank text mean the same: the field is not there. A field that is wrong is read as some harmless placeholder, so
//! that reading goes on; a placeholder never gets out, because [`read`] returns the value only if nothing is wrong.

mod kind;
mod list;
mod money;
mod path;
mod reader;
mod scalar;
mod text;
mod time;

#[cfg(feature = "avro")]
pub use self::money::money;
pub(crate) use self::path::Path;
pub use self::{
    kind::{At, Kind},
    list::{list, map, object},
    money::money_text,
    reader::{FieldReader, read},
    scalar::{boolean, integer, number, one_of},
    text::{email, id, note, phone, text},
    time::{date, time, timestamp},
};
