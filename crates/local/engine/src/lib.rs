//! ECS and ELBv2 as state and pure reconcilers. No I/O, no clock.
