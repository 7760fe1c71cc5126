//! `GET invoices` with its paging and projections, and `GET invoices/{hash key}`.

use axum::{
    Json,
    extract::{OriginalUri, Path, Query, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Problem, etag, framework_version, query::Terms, resource, self_links};
use crate::{ledger::Invoice, world::Shared};

/// No page is larger, whatever is asked for.
const MAX_LIMIT: usize = 499;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    q: Option<String>,
    fields: Option<String>,
    #[serde(default)]
    only_data: bool,
    #[serde(default)]
    total_results: bool,
    #[serde(default = "default_limit")]
    limit: usize,
    #[serde(default)]
    offset: usize,
}

fn default_limit() -> usize {
    25
}

impl Wanted {
    fn project(&self, base: &str, invoice: &Invoice) -> Value {
        let mut item = resource(invoice);
        if let Some(fields) = &self.fields {
            let wanted: Vec<&str> = fields.split(',').map(str::trim).collect();
            item = item.into_iter().filter(|(name, _)| wanted.contains(&&**name)).collect::<Map<_, _>>();
        }
        if !self.only_data {
            item.insert("links".into(), self_links(base, invoice));
        }
        Value::Object(item)
    }
}

pub(super) async fn list(
    State(world): State<Shared>,
    uri: OriginalUri,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(wanted)) = wanted else {
        return Problem::bad("A query parameter cannot be read.").answer(&world, &headers);
    };
    let terms = match Terms::parse(wanted.q.as_deref().unwrap_or_default(), framework_version(&headers)) {
        Ok(terms) => terms,
        Err(reason) => return Problem::bad(reason).answer(&world, &headers),
    };
    let base = uri.path().trim_end_matches("/invoices");
    let limit = wanted.limit.clamp(1, MAX_LIMIT);
    let (items, total) = world.store.read(|ledger| {
        let hits: Vec<&Invoice> = ledger.invoices.iter().filter(|one| terms.hold(&resource(one))).collect();
        let page = hits.iter().skip(wanted.offset).take(limit);
        (page.map(|one| wanted.project(base, one)).collect::<Vec<_>>(), hits.len())
    });
    let mut answer = json!({"count": items.len(), "hasMore": wanted.offset + items.len() < total,
                            "limit": limit, "offset": wanted.offset, "items": items});
    if wanted.total_results {
        answer["totalResults"] = json!(total);
    }
    if !wanted.only_data {
        answer["links"] = json!([{"rel": "self", "href": uri.path(), "name": "invoices", "kind": "collection"}]);
    }
    Json(answer).into_response()
}

pub(super) async fn one(
    State(world): State<Shared>,
    uri: OriginalUri,
    Path((_version, id)): Path<(String, String)>,
    wanted: Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let found = world.store.read(|ledger| ledger.invoices.iter().find(|one| one.unique_id == id).cloned());
    let Some(invoice) = found else {
        return Problem::new(StatusCode::NOT_FOUND, "The invoice does not exist.").answer(&world, &headers);
    };
    let base = uri.path().split("/invoices").next().unwrap_or_default();
    ([(header::ETAG, etag(&invoice))], Json(wanted.project(base, &invoice))).into_response()
}
