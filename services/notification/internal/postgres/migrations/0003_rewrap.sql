-- After a rotation of the key that wraps the secrets' data keys, the wrapping is replaced and nothing else: what
-- stands behind the dot, the secret itself, can't be changed in this way, nor in any other.
CREATE FUNCTION check_rewrap(old_text text, new_text text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF new_text !~ '^vault:v[0-9]+:[^.]+\.[^.]+$' OR split_part(new_text, '.', 2) <> split_part(old_text, '.', 2) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a secret is never changed, only wrapped anew';
    END IF;
END $$;
CREATE FUNCTION rewrap_endpoint(endpoint uuid, old_text text, new_text text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM check_rewrap(old_text, new_text);
    UPDATE endpoints SET sealed = new_text WHERE id = endpoint AND sealed = old_text;
    RETURN FOUND;
END $$;
CREATE FUNCTION rewrap_source(source text, old_text text, new_text text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM check_rewrap(old_text, new_text);
    UPDATE sources SET sealed = new_text WHERE name = source AND sealed = old_text;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION check_rewrap, rewrap_endpoint, rewrap_source FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rewrap_endpoint, rewrap_source TO notification_app;
