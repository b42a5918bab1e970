//! A typed client of the Tenure daemon: finds or starts it, and follows with exact resume.
