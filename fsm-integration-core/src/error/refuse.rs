/// How a layer hands out its refusal: as the service's error, or as an answer.
pub trait Refuse<Refusal, Response, E> {
    /// The service's outcome for this refusal.
    ///
    /// # Errors
    /// The refusal itself, where it is an error.
    fn refuse(&self, refusal: Refusal) -> Result<Response, E>;
}

/// Refuses with the service's own error.
#[derive(Debug, Clone, Copy)]
pub struct AsError;

/// Refuses with an answer that a function makes, where the service cannot fail.
#[derive(Debug, Clone, Copy)]
pub struct AsResponse<F>(pub F);

impl<Refusal, Response, E: From<Refusal>> Refuse<Refusal, Response, E> for AsError {
    fn refuse(&self, refusal: Refusal) -> Result<Response, E> {
        Err(refusal.into())
    }
}

impl<Refusal, Response, E, F: Fn(Refusal) -> Response> Refuse<Refusal, Response, E> for AsResponse<F> {
    fn refuse(&self, refusal: Refusal) -> Result<Response, E> {
        Ok((self.0)(refusal))
    }
}
