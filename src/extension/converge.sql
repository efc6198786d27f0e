-- What must hold before anything is installed.

DO $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'extension "converge" needs a database with encoding UTF8'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = format('This database has encoding %s.', getdatabaseencoding());
    END IF;
END
$$;
