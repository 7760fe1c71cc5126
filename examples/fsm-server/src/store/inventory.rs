//! Point-of-sale items and sales, and how each run of the Conexxus schedules went.
