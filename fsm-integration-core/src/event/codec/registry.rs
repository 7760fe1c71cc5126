use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock},
};

use apache_avro::Schema;

use super::schema::{Compiled, id_of};
use crate::event::{Topic, catalogue};

/// The number that a registry gives a schema; stands in the first bytes of every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Knows which number belongs to which schema.
///
/// Answers from memory: a registry behind a network is asked before, so that encoding and decoding never wait.
pub trait SchemaRegistry: fmt::Debug + Send + Sync + 'static {
    /// The id of our current schema for a topic, which a registry knows as the subject `<topic>-value`.
    fn id_of(&self, topic: &Topic) -> Option<SchemaId>;

    /// The schema that an id stands for.
    fn schema(&self, id: SchemaId) -> Option<Arc<Schema>>;
}

/// The schemas that are part of this crate: needs no state and no network.
///
/// An id is the first 31 bits of the SHA-256 of the schema's canonical form, so every instance gives the same one.
/// Knows the current schemas and all released ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct BundledRegistry;

struct Bundle {
    current: HashMap<&'static str, SchemaId>,
    schemas: HashMap<SchemaId, Arc<Schema>>,
}

static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
    let mut bundle = Bundle { current: HashMap::new(), schemas: HashMap::new() };
    for spec in catalogue::ALL {
        for text in spec.released {
            let schema = Schema::parse_str(text).expect("every released schema parses, held by a test");
            bundle.schemas.insert(id_of(&schema), Arc::new(schema));
        }
        let schema = Compiled::of(spec.topic.as_str()).expect("compiled from the same list").schema;
        bundle.current.insert(spec.topic.as_str(), id_of(schema));
        bundle.schemas.insert(id_of(schema), Arc::new(schema.clone()));
    }
    bundle
});

impl SchemaRegistry for BundledRegistry {
    fn id_of(&self, topic: &Topic) -> Option<SchemaId> {
        BUNDLE.current.get(topic.as_str()).copied()
    }

    fn schema(&self, id: SchemaId) -> Option<Arc<Schema>> {
        BUNDLE.schemas.get(&id).cloned()
    }
}
