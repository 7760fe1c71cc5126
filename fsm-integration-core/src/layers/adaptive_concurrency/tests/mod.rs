mod calls;
mod limits;
mod simulation;
