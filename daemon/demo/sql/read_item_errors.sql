SELECT batch_id,
       item #>> '{{}}' AS item,
       code,
       message
FROM categorization_errors
ORDER BY id
