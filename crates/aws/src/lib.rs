//! Observes and acts through the AWS SDK: paging, pacing, retries.
