package chat

// Trim drops the oldest questions of a history with their answers, until at most so many bytes of text are left. It cuts
// only before a question: the result of a tool without its call would be refused by the model.
func Trim(messages []Message, most int) []Message {
	size := 0
	for _, m := range messages {
		size += m.size()
	}
	for size > most {
		next := nextQuestion(messages)
		if next == len(messages) {
			return messages // the last exchange stays whole
		}
		for _, m := range messages[:next] {
			size -= m.size()
		}
		messages = messages[next:]
	}
	return messages
}

func (m Message) size() int {
	n := len(m.Text)
	for _, c := range m.Calls {
		n += len(c.Input)
	}
	for _, r := range m.Results {
		n += len(r.Content)
	}
	return n
}

func (m Message) isQuestion() bool { return m.Role == User && len(m.Results) == 0 }

func nextQuestion(messages []Message) int {
	for i, m := range messages {
		if i > 0 && m.isQuestion() {
			return i
		}
	}
	return len(messages)
}
