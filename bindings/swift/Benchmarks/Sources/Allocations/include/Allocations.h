/// How often this thread has asked for memory. Zero always where it cannot be counted: on Darwin.
unsigned long long allocations(void);
