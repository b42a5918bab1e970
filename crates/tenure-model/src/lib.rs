//! A scripted model endpoint on loopback for tests: Anthropic Messages, OpenAI Chat and Responses.
