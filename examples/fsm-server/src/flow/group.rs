use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};

use fsm_integration_core::{
    error::{Error, ErrorKind, Result},
    event::{
        Envelope, Event, Topic,
        consumer::{Commit, Delivery, Handler},
    },
    sqlite::Tx,
};
use tower::service_fn;

use super::Flow;
use crate::crash;

type Handling = Pin<Box<dyn Future<Output = Result<Commit>> + Send>>;
type Route = Arc<dyn Fn(Flow, Delivery) -> Handling + Send + Sync>;

/// A consumer group of the flow: its name, and what it does with each of its topics.
pub(super) struct Group {
    pub(super) name: &'static str,
    routes: HashMap<Topic, Route>,
}

/// An event on its way to a step of the flow.
#[derive(Debug)]
pub(super) struct Fact<E> {
    pub(super) event: E,
    pub(super) envelope: Envelope,
    /// How many attempts came before.
    pub(super) attempt: u32,
}

impl Group {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, routes: HashMap::new() }
    }

    /// Changes our own state when the event comes: one unit of work, with the mark that it was handled.
    pub(super) fn apply<E: Event>(self, step: fn(&Flow, &Tx<'_>, &Fact<E>) -> Result<()>) -> Self {
        self.decide(move |flow, fact| async move {
            Ok(Commit::with(move |tx| {
                step(&flow, tx, &fact)?;
                crash::point(crash::HANDLED_NOT_COMMITTED);
                Ok(())
            }))
        })
    }

    /// Looks, calls or computes first, and says what is to be written then.
    pub(super) fn decide<E, Step, Done>(mut self, step: Step) -> Self
    where
        E: Event,
        Step: Fn(Flow, Fact<E>) -> Done + Send + Sync + Copy + 'static,
        Done: Future<Output = Result<Commit>> + Send + 'static,
    {
        let route = move |flow: Flow, delivery: Delivery| -> Handling {
            Box::pin(async move {
                let (event, envelope) = flow.store().decode::<E>(&delivery)?;
                step(flow, Fact { event, envelope, attempt: delivery.attempt }).await
            })
        };
        self.routes.insert(E::TOPIC, Arc::new(route));
        self
    }

    pub(super) fn topics(&self) -> Vec<Topic> {
        self.routes.keys().cloned().collect()
    }

    pub(super) fn handler(self, flow: Flow) -> Handler {
        let routes = Arc::new(self.routes);
        Handler::new(service_fn(move |delivery: Delivery| {
            let handling = routes.get(&delivery.record.topic).map(|route| route(flow.clone(), delivery));
            async move {
                match handling {
                    Some(handling) => handling.await,
                    None => Err(Error::new(ErrorKind::Undecodable, "no handler for this topic")),
                }
            }
        }))
    }
}
