//! When a comment may stand in a stream.

use super::*;
use futures_util::stream;
use http_body_util::StreamBody;
use tokio::sync::mpsc;

/// A stream that says what is sent to it, with comments after each moment of silence.
fn commented(kind: &'static str) -> (mpsc::UnboundedSender<&'static str>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel::<&'static str>();
    let frames = stream::unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        Some((Ok::<_, BodyError>(Frame::data(Bytes::from_static(piece.as_bytes()))), receiver))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    (sender, between_events(response, Duration::from_millis(1)).into_body())
}

async fn next(body: &mut Body) -> Option<Bytes> {
    Some(body.frame().await?.unwrap().into_data().unwrap())
}

#[tokio::test]
async fn g_29_a_silent_stream_gets_comments_after_an_event_and_none_after_its_end() {
    for event in ["data: 1\n\n", "data: 1\r\n\r\n", "data: 1\r\r", "data: 1\n\r\n"] {
        let (sender, mut body) = commented("text/event-stream; charset=utf-8");
        sender.send(event).unwrap();

        assert_eq!(next(&mut body).await.unwrap(), event);
        assert_eq!(next(&mut body).await.unwrap(), COMMENT, "{event:?}");
        assert_eq!(next(&mut body).await.unwrap(), COMMENT, "{event:?}");
        drop(sender);
        assert!(next(&mut body).await.is_none(), "{event:?}");
    }
}

#[test]
fn g_29_no_comment_stands_in_an_event_or_before_the_first() {
    let after = |text: &str| text.bytes().fold(Place::default(), Place::after);
    let may = |text: &str| matches!(after(text), Place::EventEnd | Place::EventEndCr);

    for inside in
        ["", "\u{feff}", ": x", "data: 1", "data: 1\n", "data: 1\r\n", "data: 1\r", "a\n\nb", "a\n\nb\n"]
    {
        assert!(!may(inside), "{inside:?}");
    }
    for between in ["a\n\n", "a\r\n\r\n", "a\r\r", "a\n\n\n", "a\n\nb\r\n\n"] {
        assert!(may(between), "{between:?}");
    }
    let json = Response::new(crate::body::full("{}"));
    assert!(!is_event_stream(json.headers()));
}
