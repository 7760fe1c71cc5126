use std::{collections::HashMap, sync::LazyLock};

use apache_avro::{Schema, reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};
use sha2::Sha256;

use super::SchemaId;
use crate::event::catalogue::{self, TopicSpec};

/// A topic's current schema, parsed once, with the reader and the writer that are made of it.
pub(super) struct Compiled {
    pub(super) schema: &'static Schema,
    pub(super) reader: GenericDatumReader<'static>,
    pub(super) writer: GenericDatumWriter<'static>,
}

/// The current schema of each topic, self-contained.
static CURRENT: LazyLock<Vec<(&'static str, Schema)>> = LazyLock::new(|| {
    let parse = |spec: &'static TopicSpec| (spec.topic.as_str(), self_contained(spec.schema));
    catalogue::ALL.iter().map(parse).collect()
});

static COMPILED: LazyLock<HashMap<&'static str, Compiled>> = LazyLock::new(|| {
    let compile = |(topic, schema): &'static (&'static str, Schema)| (*topic, Compiled::new(schema));
    CURRENT.iter().map(compile).collect()
});

impl Compiled {
    fn new(schema: &'static Schema) -> Self {
        let why = "every bundled schema is self-contained, held by a test";
        Self {
            schema,
            reader: GenericDatumReader::builder(schema).build().expect(why),
            writer: GenericDatumWriter::builder(schema).build().expect(why),
        }
    }

    /// The schema of a topic, if it is one of ours.
    pub(super) fn of(topic: &str) -> Option<&'static Self> {
        COMPILED.get(topic)
    }

    /// The name of the record, without its namespace.
    pub(super) fn record_name(&self) -> &'static str {
        self.schema.name().map_or("", |name| name.name())
    }
}

/// Parses a schema together with the shared types, and puts each into the place of its first use, so that
/// a registry needs nothing else to understand it.
pub(super) fn self_contained(text: &str) -> Schema {
    let why = "every bundled schema parses, held by a test";
    let (mut schema, shared) = Schema::parse_str_with_list(text, catalogue::SHARED).expect(why);
    schema.denormalize(&shared).expect(why);
    schema
}

/// The id that a bundled schema has: the first 31 bits of the SHA-256 of its canonical form.
pub(super) fn id_of(schema: &Schema) -> SchemaId {
    let fingerprint = schema.fingerprint::<Sha256>().bytes;
    let first = fingerprint.first_chunk::<4>().expect("SHA-256 has 32 bytes");
    SchemaId(u32::from_be_bytes(*first) >> 1)
}
