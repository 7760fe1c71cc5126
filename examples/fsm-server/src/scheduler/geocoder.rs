use async_trait::async_trait;
use fsm_integration_core::error::Result;

use super::Coordinates;

/// What a geocoder needs of an address; street and number are nobody else's business.
#[derive(Clone, Copy)]
pub struct AddressQuery<'a> {
    /// ISO 3166 alpha-2 code, any case.
    pub country: &'a str,
    /// Postal code as the customer wrote it; may be empty.
    pub postal_code: &'a str,
    /// City as the customer wrote it; may be empty.
    pub city: &'a str,
}

/// Shows the country only: the rest is the customer's address.
impl std::fmt::Debug for AddressQuery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressQuery").field("country", &self.country).finish_non_exhaustive()
    }
}

/// Turns an address into a point; embedded: [`Gazetteer`](super::Gazetteer).
#[async_trait]
pub trait Geocoder: Send + Sync + 'static {
    /// Finds the point of an address.
    ///
    /// # Errors
    /// `InvalidAddress` when there is no such place; a remote geocoder may also be `Unavailable`.
    async fn locate(&self, address: AddressQuery<'_>) -> Result<Coordinates>;
}
