// Package gpt2 turns text into GPT-2's byte-pair tokens.
//
// There are two types. A [Vocabulary] is the table of tokens; there is one,
// [Shared] by all. An [Encoder] appends the token ids of a text to a slice.
//
// The ids are those of tiktoken's r50k_base, and every byte of the text is in
// them: the Bytes of the ids, put together, are the text. Invalid UTF-8 is text
// too; each byte of it counts as one character that is no letter, number or
// space. Nothing in a text is a command: "<|endoftext|>" is seven tokens.
//
// Caveats: an Encoder belongs to one goroutine. Which characters are letters,
// numbers and spaces is what package unicode of the Go release says, so that a
// release with newer Unicode tables may cut text with new characters otherwise.
package gpt2
