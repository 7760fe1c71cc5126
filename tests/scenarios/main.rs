//! The journeys, one file each, and the architecture that they rest on.

mod architecture;
