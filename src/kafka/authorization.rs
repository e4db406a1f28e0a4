//! Finds out whether we may write to a topic, before a transaction does.
//!
//! A topic that we may see but not write refuses to join a transaction, and the other topics of
//! that transaction do not join either. The client then asks the broker to abort what the broker
//! never began, gets an error, and gives up for good. So such a topic must not be tried. Since
//! version 2.3 a broker's description of a topic says what the caller may do with it (KIP-430).
//!
//! The crate has no call for that, so this file calls the C library itself.

use crate::kafka::client::Context;
use rdkafka::admin::AdminClient;
use rdkafka::bindings as c;
use std::ffi::{CString, c_uint};
use std::ptr::NonNull;
use std::time::Duration;

/// A broker's answer on our permission to write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Permission {
    /// We may.
    Granted,
    /// We may not.
    Denied,
    /// The broker does not say: it is old, or not Apache Kafka.
    Unknown,
}

/// Asks a broker whether we may write to a topic.
pub fn to_write(
    admin: &AdminClient<Context>,
    broker: i32,
    topic: &str,
    patience: Duration,
) -> Permission {
    let patience = patience.min(ANSWER);
    let question = Question::new(admin, topic).filter(|question| question.ask_of(broker, patience));
    let Some(question) = question else { return Permission::Unknown };
    let Some(answer) = question.ask(patience) else { return Permission::Unknown };
    match answer.operations() {
        None => Permission::Unknown,
        Some(operations) if operations.contains(&WRITE) => Permission::Granted,
        Some(_) => Permission::Denied,
    }
}

/// The request, and the queue for its answer. The pointers are ours until it is dropped.
struct Question<'a> {
    admin: &'a AdminClient<Context>,
    topics: NonNull<c::rd_kafka_TopicCollection_t>,
    options: NonNull<c::rd_kafka_AdminOptions_t>,
    queue: NonNull<c::rd_kafka_queue_t>,
}

impl<'a> Question<'a> {
    fn new(admin: &'a AdminClient<Context>, topic: &str) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let mut names = [topic.as_ptr()];
        let client = admin.inner().native_ptr();
        // SAFETY: the client outlives the question, which borrows it, and the library copies the
        // name. Each of the three is made by the library and given back to it in `drop`.
        unsafe {
            Some(Self {
                admin,
                topics: NonNull::new(c::rd_kafka_TopicCollection_of_topic_names(
                    names.as_mut_ptr(),
                    names.len(),
                ))?,
                options: NonNull::new(c::rd_kafka_AdminOptions_new(client, DESCRIBE_TOPICS))?,
                queue: NonNull::new(c::rd_kafka_queue_new(client))?,
            })
        }
    }

    /// Sets the request and the broker: any broker can answer, and some clusters have no controller
    /// that answers. False if the library does not support it.
    fn ask_of(&self, broker: i32, patience: Duration) -> bool {
        let mut why_not = [0; 256];
        // SAFETY: the options live as long as `self`; the error is ours to give back, and the text
        // is cut to the length that is given with it.
        unsafe {
            let error = c::rd_kafka_AdminOptions_set_include_authorized_operations(
                self.options.as_ptr(),
                1,
            );
            if !error.is_null() {
                c::rd_kafka_error_destroy(error);
                return false;
            }
            let (options, why_not, size) =
                (self.options.as_ptr(), why_not.as_mut_ptr(), why_not.len());
            let patience = milliseconds(patience);
            let set = [
                c::rd_kafka_AdminOptions_set_broker(options, broker, why_not, size),
                c::rd_kafka_AdminOptions_set_request_timeout(options, patience, why_not, size),
            ];
            set == [c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR; 2]
        }
    }

    fn ask(&self, patience: Duration) -> Option<Answer> {
        // SAFETY: all four live as long as `self`, and the event that comes is the answer's to drop.
        let event = unsafe {
            c::rd_kafka_DescribeTopics(
                self.admin.inner().native_ptr(),
                self.topics.as_ptr(),
                self.options.as_ptr(),
                self.queue.as_ptr(),
            );
            c::rd_kafka_queue_poll(self.queue.as_ptr(), milliseconds(patience))
        };
        NonNull::new(event).map(Answer)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        // SAFETY: they were made in `new`, and nothing else has them. An answer that is still under
        // way is dropped by the library with its queue.
        unsafe {
            c::rd_kafka_queue_destroy(self.queue.as_ptr());
            c::rd_kafka_AdminOptions_destroy(self.options.as_ptr());
            c::rd_kafka_TopicCollection_destroy(self.topics.as_ptr());
        }
    }
}

struct Answer(NonNull<c::rd_kafka_event_t>);

impl Answer {
    /// The operations that we may do with the topic, if the broker says.
    fn operations(&self) -> Option<&[c_uint]> {
        // SAFETY: whatever the library returns here lives as long as the event, and so as long as
        // `self`; each pointer and count is looked at before it is used.
        unsafe {
            let result = c::rd_kafka_event_DescribeTopics_result(self.0.as_ptr());
            if result.is_null() {
                return None;
            }
            let mut count = 0;
            let topics = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            if topics.is_null() || count == 0 {
                return None;
            }
            let mut count = 0;
            let operations =
                c::rd_kafka_TopicDescription_authorized_operations(*topics, &mut count);
            if operations.is_null() {
                return None;
            }
            // As numbers: a newer library may know more operations than are declared here.
            Some(std::slice::from_raw_parts(operations.cast(), count))
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: the event came from the queue and is nobody else's.
        unsafe { c::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// The broker has just answered. Without this answer the transaction would find out.
const ANSWER: Duration = Duration::from_secs(2);
const WRITE: c_uint = c::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE as c_uint;
const DESCRIBE_TOPICS: c::rd_kafka_admin_op_t =
    c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
