mod execution;
mod hostile;
mod orders;
mod sales_orders;
mod slots;
mod support;
mod updates;
mod webhooks;
