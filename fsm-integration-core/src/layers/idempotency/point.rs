use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far the work of a key got: a named phase that is over, and what the next one needs of it (requirement I9).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// The phase that is over, `charged` for example.
    pub name: Cow<'static, str>,
    /// What the following phases need; no secrets, since it is stored as it is.
    pub data: Value,
}

/// Shows the name only: the data may be personal.
impl fmt::Debug for RecoveryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryPoint").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_shows_its_name_and_not_its_data() {
        let point = RecoveryPoint { name: "charged".into(), data: "4111 1111 1111 1111".into() };
        assert_eq!(format!("{point:?}"), r#"RecoveryPoint { name: "charged", .. }"#);
    }
}
