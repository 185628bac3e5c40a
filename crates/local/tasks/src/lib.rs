//! The task runtimes: Docker containers or processes behind one small interface.
