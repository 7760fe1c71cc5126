use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use parking_lot::Mutex;

/// What the users of one database keep in memory together, one value of a type.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl Shared {
    pub(super) fn get<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut shared = self.0.lock();
        let value = shared.entry(TypeId::of::<T>()).or_insert_with(|| Arc::<T>::default());
        Arc::clone(value).downcast().expect("it is kept under its type")
    }
}
