-- Where the server keeps its files.
SELECT current_setting('data_directory')
