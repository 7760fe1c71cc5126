use std::num::NonZeroU32;

use fsm_integration_core::{
    error::{Error, ErrorKind, FieldErrors, Result},
    event::dead_letter::{DeadLetter, DeadLetterFilter, DeadLetters, Status},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most dead letters that one request acts on; asked again, it goes on with the next.
const MOST_AT_ONCE: u32 = 1_000;
/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;

/// Which dead letters an operator means, and what is to be done with them; never all by omission.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Selection {
    /// These; the other fields narrow.
    ids: Vec<String>,
    topic: Option<String>,
    group: Option<String>,
    error_kind: Option<String>,
    since: Option<Timestamp>,
    /// All of them.
    all: bool,
    /// Only say what would be done.
    pub(super) dry_run: bool,
    /// How many are replayed in a second at most; all at once when absent.
    pub(super) rate: Option<NonZeroU32>,
    /// Why they are discarded.
    note: Option<String>,
}

/// What was done, or would be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Done {
    pub(super) ids: Vec<String>,
    pub(super) count: usize,
    pub(super) dry_run: bool,
    /// Whether there may be more of the same; ask again.
    pub(super) more: bool,
}

impl Selection {
    /// The open dead letters that are meant, oldest first.
    pub(super) async fn find(&self, letters: &DeadLetters) -> Result<Vec<DeadLetter>> {
        self.check()?;
        if self.ids.is_empty() {
            let mut found = letters.list(self.filter(None)).await?;
            found.reverse();
            return Ok(found);
        }
        let mut found = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            let one = letters.list(self.filter(Some(id))).await?.pop();
            found.push(one.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such open dead letter"))?);
        }
        found.sort_by_key(|letter| letter.offset);
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// This one, whatever else was said.
    pub(super) fn only(self, id: String) -> Self {
        Self { ids: vec![id], ..self }
    }

    /// Why they are discarded; has to be said.
    pub(super) fn note(&self) -> Result<String> {
        let note = self.note.as_deref().map(str::trim).unwrap_or_default();
        if note.is_empty() {
            return Err(invalid("note", "say why they are given up"));
        }
        if note.chars().count() > LONGEST_NOTE {
            return Err(invalid("note", "write at most 500 characters"));
        }
        Ok(note.to_owned())
    }

    fn check(&self) -> Result<()> {
        let filtered =
            self.topic.is_some() || self.group.is_some() || self.error_kind.is_some() || self.since.is_some();
        if self.ids.is_empty() && !filtered && !self.all {
            return Err(invalid("", "say which: ids, topic, group, errorKind, since, or all"));
        }
        if self.ids.len() > MOST_AT_ONCE as usize {
            return Err(invalid("ids", "name at most 1000"));
        }
        Ok(())
    }

    fn filter(&self, id: Option<&String>) -> DeadLetterFilter {
        DeadLetterFilter {
            id: id.cloned(),
            group: self.group.clone(),
            topic: self.topic.clone(),
            error_kind: self.error_kind.clone(),
            status: Some(Status::Open),
            since: self.since,
            limit: Some(MOST_AT_ONCE),
        }
    }
}

impl Done {
    pub(super) fn new(letters: &[DeadLetter], selection: &Selection) -> Self {
        Self {
            ids: letters.iter().map(|letter| letter.id.clone()).collect(),
            count: letters.len(),
            dry_run: selection.dry_run,
            more: selection.ids.is_empty() && letters.len() >= MOST_AT_ONCE as usize,
        }
    }
}

fn invalid(field: &str, message: &str) -> Error {
    let mut fields = FieldErrors::default();
    fields.push(field, message);
    Error::invalid(ErrorKind::InvalidRequest, fields)
}
